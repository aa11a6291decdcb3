import Basics
import Foundation

/// Rows a micro-batch has, and whose micro-batches these are.
package struct BatchShape: Sendable, Equatable {
    package var rowsPerBatch: Int
    package var rank: Int
    package var world: Int

    package init(rowsPerBatch: Int, rank: Int = 0, world: Int = 1) {
        precondition(rowsPerBatch > 0 && world > 0 && (0..<world).contains(rank), "\(rowsPerBatch) rows, rank \(rank) of \(world)")
        self.rowsPerBatch = rowsPerBatch
        self.rank = rank
        self.world = world
    }
}

/// The micro-batches of one rank, prepared in the background.
///
/// All ranks cut the same sequence of micro-batches; rank r of w takes number r, r + w, r + 2w and so on. So w ranks with accumulation a
/// see in each step what one rank with accumulation a w sees. Every rank gets the same number of batches: at the end of the data the last
/// ones may be without rows.
package struct BatchStream: ~Copyable {
    private let prefetcher: Prefetcher
    /// Where a new stream must start to go on after the last batch that `next()` gave.
    package private(set) var position: DataPosition

    /// Starts from the first epoch, or goes on from `position` with the same batches that would have followed.
    ///
    /// - Parameters:
    ///   - epochs: passes over the data, a part of one allowed; nil goes on forever.
    ///   - position: as given by a stream over a data set of the same fingerprint.
    ///   - threads: how many encode rows. The batches do not depend on it.
    ///   - prefetch: batches prepared ahead; 0 prepares each when it is asked for.
    package init(
        _ dataset: Dataset, shape: BatchShape, epochs: Double? = nil, from position: DataPosition? = nil,
        threads: Int = Threads.upTo(2), prefetch: Int = 4
    ) throws(DataError) {
        let count = try epochs.map { (epochs) throws(DataError) in
            guard epochs > 0, epochs * Double(dataset.mixture.drawsPerEpoch) < 0x1p53 else {
                throw DataError(.badOption, "`num_train_epochs` is \(epochs); it must be a number above 0 and not beyond reason")
            }
            return max(1, Int((epochs * Double(dataset.mixture.drawsPerEpoch)).rounded()))
        }
        try self.init(BatchProducer(dataset: dataset, draws: .training(count: count), shape: shape, threads: threads), from: position, prefetch)
    }

    fileprivate init(_ producer: consuming BatchProducer, from position: DataPosition?, _ prefetch: Int) throws(DataError) {
        if let position { try producer.resume(from: position) }
        self.position = producer.position
        prefetcher = Prefetcher(producer, depth: prefetch)
    }

    /// The next batch; nil at the end of the last epoch.
    package mutating func next() throws(DataError) -> TokenBatch? {
        let (batch, position) = try prefetcher.next()
        self.position = position
        return batch
    }
}

extension Dataset {
    /// The held-back rows as batches, in the same order every time.
    package func evaluationBatches(_ shape: BatchShape, threads: Int = Threads.upTo(2), prefetch: Int = 2) throws(DataError) -> BatchStream {
        try BatchStream(BatchProducer(dataset: self, draws: .heldBack, shape: shape, threads: threads), from: nil, prefetch)
    }
}

/// Runs a producer in the background, a bounded number of batches ahead.
///
/// `@unchecked`: `condition` guards every stored variable but `producer`, which belongs to whoever has set `isProducing`.
private final class Prefetcher: @unchecked Sendable {
    typealias Product = Result<(TokenBatch?, DataPosition), DataError>

    private let condition = NSCondition()
    private let queue = DispatchQueue(label: "heal.batches", qos: .userInitiated)
    private let depth: Int
    private var producer: BatchProducer
    private var ready: [Product] = []
    private var isProducing = false
    /// The last product ended the stream: it stays at the head, to be given again.
    private var isFinished = false

    init(_ producer: consuming BatchProducer, depth: Int) {
        self.producer = producer
        self.depth = depth
        startProducing()
    }

    func next() throws(DataError) -> (TokenBatch?, DataPosition) {
        condition.lock()
        defer { condition.unlock() }
        if depth == 0 {
            if !isFinished { append(produce()) }
        } else {
            startProducing()
            while ready.isEmpty { condition.wait() }
        }
        let product = isFinished && ready.count == 1 ? ready[0] : ready.removeFirst()
        if depth > 0 { startProducing() }
        return try product.get()
    }

    private func startProducing() {
        guard !isProducing, !isFinished, ready.count < depth else { return }
        isProducing = true
        queue.async { self.fill() }
    }

    private func fill() {
        while true {
            let product = produce()
            condition.lock()
            append(product)
            condition.signal()
            let goesOn = !isFinished && ready.count < depth
            isProducing = goesOn
            condition.unlock()
            if !goesOn { return }
        }
    }

    private func produce() -> Product {
        Result { () throws(DataError) in
            let batch = try producer.next()
            return (batch, producer.position)
        }
    }

    private func append(_ product: Product) {
        ready.append(product)
        switch product {
        case .success((nil, _)), .failure: isFinished = true
        case .success: break
        }
    }
}
