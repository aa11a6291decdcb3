import Autograd
import Basics
import HealData
import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Measures what the loss on held-back rows rises by where one group of matrices is compressed and everything else stays dense.
///
/// Each matrix is fitted to what it gets in the original model, as the configuration says. One way of the calibration rows through the model serves all sizes,
/// and the held-back rows go along with them: a measurement starts at the first matrix that it changes. What is done is kept in `directory`.
package struct SensitivityJob: Sendable {
    package var grouping = SensitivityGrouping.matrix
    /// Shares of their parameters that groups keep.
    package var keeps = [0.2, 0.4, 0.6, 0.8]
    /// Blocks to look at; nil looks at all.
    package var layers: LayerRanges?
    /// Matrices to look at; nil looks at all that the configuration does not leave dense.
    package var match: NamePattern?
    /// Held-back samples to measure on; nil means all.
    package var rows: Int?
    package let directory: String
    private let configuration: Configuration

    package init(_ configuration: Configuration, directory: String) {
        self.configuration = configuration
        self.directory = directory
        rows = configuration.evaluationMaxRows
    }

    /// One group at one size, still to be measured.
    private struct Task {
        let group: SensitivityGroup
        let keep: Double
        let entries: [CompressionPlan.Entry]
        let key: String
        /// What measuring takes, in blocks.
        let passes: Double
    }

    /// What a fit left behind for the measurement.
    private struct Fitted: Sendable {
        let outcome: DecompositionOutcome
        let predicted: Double
        let key: DecompositionCache.Key
    }

    /// What was found for a matrix of a group that goes over several blocks, until its last one is reached.
    private struct Waiting {
        let result: Compressor.Result
        let key: DecompositionCache.Key
        let predicted: Double
        /// The cores, where the cache does not have them.
        let outcome: DecompositionOutcome?

        init(_ fitted: Fitted, _ cache: DecompositionCache?) {
            (result, key, predicted) = (fitted.outcome.result, fitted.key, fitted.predicted)
            let isKept = cache != nil && (fitted.outcome.wasCached || cache?.failure == nil)
            outcome = isKept ? nil : fitted.outcome
        }

        func cores(_ fits: CachedFits) throws -> DecompositionOutcome {
            if let outcome = outcome ?? fits.cache?.load(result.name, key, type: fits.type) { return outcome }
            throw HealError(.model, "\(result.name): its cores are no longer in \(fits.cache?.directory ?? ""); start again")
        }
    }

    /// - Parameters:
    ///   - stop: asked often; what is measured by then is in the directory, and a second call goes on.
    ///   - warn: told what is no mistake of the profile but should be known, as soon as it is.
    ///   - watch: told what goes on, one at a time.
    /// - Returns: nil when it was stopped.
    package func run(
        _ opened: OpenedModel, _ dataset: Dataset, stop: @escaping @Sendable () -> Bool = { false },
        warn: (String) -> Void = { _ in }, watch: (SensitivityProgress) -> Void = { _ in }
    ) throws -> SensitivityProfile? {
        let kept = DecompositionCache(directory: configuration.compression.cache.map(configuration.outputPath) ?? directory, isShared: true)
        let mix = ProductMix(opened.configuration, tokens: CalibrationRows.batchTokens, training: false)
        let choice = try ComputeChoice.make(configuration.dtype, mix, known: configuration.dtype == .auto ? kept.computeChoice(mix) : nil)
        let compute = choice.type, type = configuration.masterPrecision.type, options = configuration.compression.calibration
        let groups = try groups(opened)
        let held = try HeldBackRows(dataset, rowsPerBatch: configuration.perDeviceTrainBatchSize, maxRows: rows)
        let walk = CalibrationWalk(opened, try configuration.calibrationRows(opened, dataset), options, compute: compute)
        try FileSystem.createDirectory(directory)
        let lock = try RunLock(directory: directory)
        defer { withExtendedLifetime(lock) {} }
        kept.keep(choice, mix)
        let journal = try SensitivityJournal(path: directory + "/measurements.jsonl")
        let weightsText = try walk.weightsChecksum().text
        let base = "\(compute), held-back rows \(held.checksum.text), weights \(weightsText)"
        let forward = try PartialForward(opened, held, compute: compute)

        let denseKey = "dense 1, " + base
        if journal[denseKey, "", 1] == nil {
            watch(.init(phase: .dense, done: 0, total: 1, name: "", secondsLeft: nil))
            guard let losses = try forward.losses(from: try forward.start(), stop: stop) else { return nil }
            try journal.append(.init(key: denseKey, group: "", keep: 1, losses: losses))
        }
        let fitKey = "sensitivity 1, \(base), \(configuration.compression.initialization) in \(type), calibration rows \(walk.rows.checksum.text), "
            + "\(options.shrinkage) \(options.skipsFirstToken) \(options.metric)"
        let head = Double(opened.configuration.vocabularySize * opened.configuration.hiddenSize)
            / Double(max(1, LlamaNames.matrixShapes(opened.configuration).prefix(LlamaNames.matrices.count).reduce(0) { $0 + $1.out * $1.in }))
        let tasks = try groups.flatMap { group in
            try keeps.map { keep in
                let entries = try group.resized(keep: keep)
                let layouts = entries.map { "\($0.layout!) \($0.searchesLegs)" }.joined(separator: "; ")
                return Task(
                    group: group, keep: keep, entries: entries, key: "\(fitKey), layouts \(Checksum(of: layouts).text)",
                    passes: Double(opened.configuration.layers - group.firstBlock) + head)
            }
        }
        let pending = tasks.filter { journal[$0.key, $0.group.name, $0.keep] == nil }
        if !pending.isEmpty {
            let found = try walk.outputGradients(weightsText, cache: kept, stop) {
                watch(.init(phase: .gradients, done: $0.done, total: $0.total, name: "", secondsLeft: nil))
            }
            if let warning = kept.warning { warn(warning) }
            guard let gradients = found else { return nil }
            let isComplete = try withoutActuallyEscaping(watch) { watch in
                let clock = SensitivityClock(
                    blocks: 1 + (pending.map(\.group.lastBlock).max() ?? 0), parameters: pending.flatMap { $0.entries.map(\.denseCount) }, passes: pending.map(\.passes), watch)
                let fits = CachedFits(opened, walk.rows, type: type, cache: DecompositionCache(directory: directory + "/cores", isShared: true))
                return try measure(pending, walk, fits, type, gradients, forward, journal, clock, stop, warn)
            }
            guard isComplete else { return nil }
        }
        return profile(opened, held, dense: journal[denseKey, "", 1]!.losses, tasks, journal)
    }

    // MARK: What is measured

    private func groups(_ opened: OpenedModel) throws -> [SensitivityGroup] {
        let plan = try CompressionPlan(opened.configuration, configuration.compression, present: opened.layouts)
        let entries = plan.compressed.filter { entry in
            opened.layouts[entry.name] == nil && match?.matches(entry.name) ?? true
                && layers.map { layers in LayerRanges.layer(of: entry.name).map(layers.contains) ?? false } ?? true
        }
        guard !entries.isEmpty else {
            throw HealError(.configuration, "no matrix is left to look at: of those that the configuration compresses, none is dense, matches and is in the layers asked for")
        }
        return SensitivityGroup.groups(entries, by: grouping)
    }

    // MARK: The way through the model

    /// Block after block: fits, then measurements of the groups that end there. Returns whether everything was done.
    private func measure(
        _ pending: [Task], _ walk: CalibrationWalk, _ fits: CachedFits, _ type: DType, _ gradients: OutputGradients, _ forward: PartialForward,
        _ journal: SensitivityJournal, _ clock: SensitivityClock, _ stop: @escaping @Sendable () -> Bool, _ warn: (String) -> Void
    ) throws -> Bool {
        var entries: [CompressionPlan.Entry] = [], seen: Set<String> = []
        for entry in pending.flatMap(\.entries) where seen.insert(entry.name).inserted { entries.append(entry) }
        var place = try forward.start(), left = pending.count, blocks = 0
        /// Where groups that go over several blocks begin, and what was found for them.
        var starts: [Int: PartialForward.Place] = [:], waiting: [String: [Waiting]] = [:]
        var hasWarned = false
        func id(_ task: Task) -> String { "\(task.group.name) \(task.keep)" }
        clock.walks()
        try walk.run(entries, walk.rows, follows: false, stop) { found in
            let layer = LayerRanges.layer(of: entries[found[0].place].name) ?? 0
            clock.walked(blocks: layer + 1 - blocks)
            blocks = layer + 1
            // Every matrix of the block at each of its sizes.
            let inputs = Dictionary(uniqueKeysWithValues: found.map { (entries[$0.place].name, $0.inputs) })
            let here = pending.filter { $0.group.firstBlock <= layer && layer <= $0.group.lastBlock }
            let work = here.flatMap { task in task.entries.filter { inputs[$0.name] != nil }.map { (task: task, entry: $0) } }
            let fitted = try run(work.map(\.entry), inputs, walk, fits, gradients, clock, stop)
            if !hasWarned, let warning = fits.cache?.warning {
                warn(warning)
                hasWarned = true
            }
            if stop() { return [] }
            clock.measures()
            guard let reached = try forward.advance(place, to: layer, stop: stop) else { return [] }
            place = reached
            for task in here where task.group.firstBlock == layer && task.group.lastBlock > layer { starts[layer] = place }
            var outcomes: [String: [(outcome: DecompositionOutcome, predicted: Double)]] = [:]
            for ((task, _), fitted) in zip(work, fitted) {
                if task.group.firstBlock == task.group.lastBlock {
                    outcomes[id(task), default: []].append((fitted.outcome, fitted.predicted))
                } else {
                    waiting[id(task), default: []].append(Waiting(fitted, fits.cache))
                }
            }
            for task in here.filter({ $0.group.lastBlock == layer }).sorted(by: { $0.group.firstStep.rawValue < $1.group.firstStep.rawValue }) {
                if stop() { return [] }
                let losses: [Double]?, results: [Compressor.Result], predicted: Double
                if let found = outcomes[id(task)] {
                    guard let reached = try forward.advance(place, to: layer, task.group.firstStep, stop: stop) else { return [] }
                    place = reached
                    losses = try forward.losses(from: place, stop: stop) { $0 == layer ? found.map(\.outcome) : [] }
                    results = found.map(\.outcome.result)
                    predicted = found.reduce(0) { $0 + $1.predicted }
                } else {
                    let found = waiting.removeValue(forKey: id(task)) ?? []
                    losses = try forward.losses(from: starts[task.group.firstBlock]!, stop: stop) { layer in
                        try found.filter { LayerRanges.layer(of: $0.result.name) == layer }.map { try $0.cores(fits) }
                    }
                    results = found.map(\.result)
                    predicted = found.reduce(0) { $0 + $1.predicted }
                }
                guard let losses else { return [] }
                let errors = results.compactMap { $0.fit?.heldError }
                try journal.append(.init(
                    key: task.key, group: task.group.name, keep: task.keep, parameters: results.reduce(0) { $0 + $1.layout.parameterCount },
                    bond: results.map { $0.layout.bonds.dropFirst().dropLast().max() ?? 1 }.max() ?? 1, losses: losses, predicted: predicted,
                    outputError: errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)))
                left -= 1
                clock.measured(task.group.name, passes: task.passes)
            }
            if waiting.isEmpty { fits.cache?.clear() }
            clock.walks()
            return []
        }
        return left == 0
    }

    /// Several fits at once, as memory allows. Of no use where it was stopped.
    private func run(
        _ work: [CompressionPlan.Entry], _ inputs: [String: FitInputs], _ walk: CalibrationWalk, _ fits: CachedFits, _ gradients: OutputGradients,
        _ clock: SensitivityClock, _ stop: @escaping @Sendable () -> Bool
    ) throws -> [Fitted] {
        let found = Mutex<[Int: Result<Fitted, any Error>]>([:])
        let jobs = work.map { MatrixFit(entry: $0, inputs: inputs[$0.name]!, squares: walk.options.metric == .loss ? gradients.squares[$0.name] : nil) }
        // The longest first.
        let order = jobs.indices.sorted { (jobs[$1].bytes, jobs[$1].entry.parameterCount, $0) < (jobs[$0].bytes, jobs[$0].entry.parameterCount, $1) }
        Parallel.forEach(order.count, workers: max(1, Compressor.workspace / max(1, jobs.map(\.bytes).max() ?? 1))) { index in
            if stop() { return }
            let place = order[index], job = jobs[place]
            let result = Result { try fit(job, walk, fits, gradients) }
            found.withLock { $0[place] = result }
            clock.fitted(job.entry.name, parameters: job.entry.denseCount)
        }
        let results = found.withLock { $0 }
        return try jobs.indices.compactMap { place in
            do { return try results[place]?.get() } catch { throw HealError.matrix(work[place].name, error) }
        }
    }

    private func fit(_ job: MatrixFit, _ walk: CalibrationWalk, _ fits: CachedFits, _ gradients: OutputGradients) throws -> Fitted {
        let entry = job.entry, weight = try walk.opened.source.floats(entry.name + ".weight")
        let (outcome, key) =
            switch configuration.compression.initialization {
            case .activation: (try fits.outcome(job), fits.key(job, weight))
            case .svd:
                (
                    try Compressor(type: fits.type, cache: fits.cache).decompose(entry, walk.opened.source),
                    DecompositionCache.Key(weight, layout: entry.layout!, type: fits.type)
                )
            }
        let dense = DenseForm(outcome.result.layout).dense(outcome.cores.map { Elementwise.convert($0, to: .f32) }, type: .f32).floats()
        // Rows are weighed here whatever the metric of the fits is, as where the allocator spreads parameters.
        let whole = MatrixFit(entry: try entry.resized(to: entry.denseCount), inputs: job.inputs, squares: gradients.squares[entry.name])
        return Fitted(outcome: outcome, predicted: gradients.rise(error: try whole.heldError(of: dense, weight)), key: key)
    }

    // MARK: What came out

    private func profile(
        _ opened: OpenedModel, _ held: HeldBackRows, dense: [Double], _ tasks: [Task], _ journal: SensitivityJournal
    ) -> SensitivityProfile {
        let counts = held.labelled.map(Double.init), tokens = counts.reduce(0, +), denseLoss = dense.reduce(0, +) / tokens
        func point(_ task: Task) -> SensitivityProfile.Point {
            let found = journal[task.key, task.group.name, task.keep]!, loss = found.losses.reduce(0, +) / tokens
            // Of a ratio of sums over samples.
            let differences = zip(found.losses, dense).map { $0 - $1 }, rise = differences.reduce(0, +) / tokens, count = Double(counts.count)
            let squares = zip(differences, counts).reduce(0) { $0 + ($1.0 - rise * $1.1) * ($1.0 - rise * $1.1) }
            return .init(
                keep: task.keep, parameters: found.parameters, bond: found.bond, loss: loss, rise: rise,
                standardError: count > 1 ? (count / (count - 1) * squares).squareRoot() / tokens : nil, predicted: found.predicted ?? 0, outputError: found.outputError)
        }
        let byGroup = Dictionary(grouping: tasks, by: \.group.name)
        var seen: Set<String> = []
        let lines = tasks.map(\.group).filter { seen.insert($0.name).inserted }.map { group in
            SensitivityProfile.Line(
                name: group.name, kind: group.kind, block: group.block, matrices: group.entries.count, denseParameters: group.denseCount,
                points: byGroup[group.name]!.map(point))
        }
        return SensitivityProfile(
            model: opened.path, grouping: grouping, keeps: keeps, denseLoss: denseLoss, tokens: Int(tokens), rows: counts.count, lines: lines)
    }
}
