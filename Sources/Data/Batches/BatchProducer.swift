import Foundation

/// Draws rows, encodes them on several threads, packs them and cuts batches, in an order that depends on nothing but the data.
struct BatchProducer: Sendable {
    /// Where draws come from.
    enum Draws: Sendable {
        /// The mixture, from draw 0 on; nil never ends.
        case training(count: Int?)
        /// The rows held back, each once.
        case heldBack
    }

    private let dataset: Dataset
    private let draws: Draws
    private let shape: BatchShape
    private let threads: Int
    private var packer: Packer<(draw: Int, sample: Sample)>
    private var nextDraw = 0
    private var microBatches = 0
    private var counters = DataCounters()
    /// Draws since the last one that gave a sample.
    private var barren = 0
    /// Outcomes of the draws from `nextDraw` on that are known already, in reverse.
    private var ahead: [Result<RowOutcome, DataError>] = []

    init(dataset: Dataset, draws: Draws, shape: BatchShape, threads: Int) {
        self.dataset = dataset
        self.draws = draws
        self.shape = shape
        self.threads = max(1, threads)
        // A row of one sample each is what a packer does that no second sample ever waits in.
        packer = Packer(capacity: dataset.encoder.maxLength, window: dataset.options.packing ? dataset.options.packingWindow : 1)
    }

    private var drawsPerEpoch: Int {
        switch draws {
        case .training: dataset.mixture.drawsPerEpoch
        case .heldBack: max(1, dataset.heldBack.count)
        }
    }

    private var drawCount: Int? {
        switch draws {
        case .training(let count): count
        case .heldBack: dataset.heldBack.count
        }
    }

    var position: DataPosition {
        var position = DataPosition()
        (position.epoch, position.sampleIndex) = nextDraw.quotientAndRemainder(dividingBy: drawsPerEpoch)
        position.waiting = packer.waiting.map(\.item.draw)
        position.microBatches = microBatches
        position.counters = counters
        return position
    }

    /// Goes on from a saved position, reading again only the rows whose samples wait.
    mutating func resume(from position: DataPosition) throws(DataError) {
        guard position.version == DataPosition.currentVersion else {
            throw DataError(.changedData, "the saved data position has version \(position.version); this program reads version \(DataPosition.currentVersion)")
        }
        let (drawn, overflow) = position.epoch.multipliedReportingOverflow(by: drawsPerEpoch)
        let (next, overflow2) = drawn.addingReportingOverflow(position.sampleIndex)
        guard !overflow, !overflow2, position.epoch >= 0, (0..<drawsPerEpoch).contains(position.sampleIndex),
            position.waiting.count <= packer.window, position.waiting.allSatisfy({ (0..<next).contains($0) })
        else {
            throw DataError(.changedData, "the saved data position does not fit these data sets; resume with the data of the run")
        }
        nextDraw = next
        microBatches = position.microBatches
        counters = position.counters
        for (draw, outcome) in zip(position.waiting, encode(position.waiting)) {
            guard case .sample(let sample, _) = try outcome.get() else {
                throw DataError(.changedData, at: dataset.place(of: row(of: draw)), "this row gave a sample when the run was saved and gives none now")
            }
            packer.add((draw, sample), length: sample.usefulCount)
        }
    }

    /// This rank's batch out of the next group of one micro-batch a rank; nil at the end.
    mutating func next() throws(DataError) -> TokenBatch? {
        var mine = TokenBatch()
        for rank in 0..<shape.world {
            let batch = try microBatch()
            if batch.rows == 0 {
                if rank == 0 { return nil }
                break
            }
            microBatches += 1
            if rank == shape.rank { mine = batch }
        }
        return mine
    }

    private mutating func microBatch() throws(DataError) -> TokenBatch {
        var batch = TokenBatch()
        while batch.rows < shape.rowsPerBatch {
            while packer.wantsMore, try fetch() {}
            guard let row = packer.nextRow() else { break }
            for (_, sample) in row { batch.append(sample) }
            batch.rows += 1
        }
        return batch
    }

    /// Takes the next draw; false when there is none.
    private mutating func fetch() throws(DataError) -> Bool {
        if let drawCount, nextDraw >= drawCount { return false }
        if ahead.isEmpty {
            let end = min(drawCount ?? .max, nextDraw + 32 * threads)
            ahead = encode(Array(nextDraw..<end)).reversed()
        }
        let outcome = try ahead.removeLast().get()
        counters.count(outcome)
        if case .sample(let sample, _) = outcome {
            packer.add((nextDraw, sample), length: sample.usefulCount)
            barren = 0
        } else {
            barren += 1
            if barren > drawsPerEpoch { throw nothingToTrain() }
        }
        nextDraw += 1
        return true
    }

    private func nothingToTrain() -> DataError {
        let reasons = counters.skipped.sorted { $0.value > $1.value }.map { "\($0.value) \($0.key.words)" }
        return DataError(.empty, "no row gives a token to train on (\(reasons.joined(separator: ", "))); run `heal preview` to see the rows")
    }

    private func row(of draw: Int) -> Dataset.RowID {
        switch draws {
        case .training: dataset.row(ofDraw: draw)
        case .heldBack: dataset.heldBack[draw]
        }
    }

    /// Outcomes of the draws, in their order, whatever the number of threads.
    private func encode(_ draws: [Int]) -> [Result<RowOutcome, DataError>] {
        parallelMap(draws, threads: threads) { draw in
            Result { () throws(DataError) in
                switch self.draws {
                case .training: try dataset.outcome(ofDraw: draw)
                case .heldBack: try dataset.outcome(of: dataset.heldBack[draw], training: false)
                }
            }
        }
    }
}

/// `transform` of every element, in order, on up to `threads` threads.
func parallelMap<Element: Sendable, Output: Sendable>(
    _ elements: [Element], threads: Int, _ transform: @Sendable (Element) -> Output
) -> [Output] {
    guard threads > 1, elements.count > 1 else { return elements.map(transform) }
    return [Output](unsafeUninitializedCapacity: elements.count) { buffer, initialized in
        // Each index is written by exactly one worker, and read only after all of them are done.
        nonisolated(unsafe) let base = buffer.baseAddress!
        let workers = min(threads, elements.count)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for index in stride(from: worker, to: elements.count, by: workers) {
                (base + index).initialize(to: transform(elements[index]))
            }
        }
        initialized = elements.count
    }
}
