import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Finds the cores that lose least of each matrix's output on calibration rows, block after block: one block's weights are in memory at a time, and the
/// hidden states of the rows.
package struct ActivationCompressor: Sendable {
    private let opened: OpenedModel
    private let plan: CompressionPlan
    private let rows: CalibrationRows
    private let options: CalibrationConfiguration
    private let local: LocalHealingConfiguration
    /// Type of activations.
    private let compute: DType
    /// What cores are kept in.
    private let type: DType
    private let cache: DecompositionCache?

    /// - Parameters:
    ///   - type: f32, or bf16, to which cores are rounded.
    ///   - cache: where finished matrices are kept for the case of a kill.
    package init(
        _ opened: OpenedModel, _ plan: CompressionPlan, rows: CalibrationRows, options: CalibrationConfiguration, local: LocalHealingConfiguration = .init(), compute: DType,
        type: DType = .f32, cache: DecompositionCache? = nil
    ) {
        self.opened = opened
        self.plan = plan
        self.rows = rows
        self.options = options
        self.local = local
        self.compute = compute
        self.type = type
        self.cache = cache
    }

    /// Replaces the matrices of the plan in `weights` by cores; the same bits for any number of threads.
    ///
    /// - Parameters:
    ///   - stop: asked often; what is done by then is in the cache, and `weights` are of no use.
    ///   - progress: told of each matrix as it is done, one at a time; an error ends the work.
    /// - Returns: in the order of the plan.
    package func run(
        into weights: inout ModelWeights, stop: @escaping @Sendable () -> Bool = { false }, progress: (DecompositionProgress) throws -> Void = { _ in }
    ) throws -> [Compressor.Result] {
        let layouts = weights.layouts
        var work = plan.compressed.filter { layouts[$0.name] == nil }
        // Of use to the cache only, which is asked for the whole model, gradients and sizes.
        let weightsText = cache == nil ? "" : try weightsChecksum().text
        let whole = cache.map { _ in wholeKey(work, weightsText) }
        if let whole, let known = finished(work, whole) {
            for (index, outcome) in known.enumerated() {
                try progress(.init(done: index + 1, total: known.count, name: outcome.result.name))
                weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores)
            }
            return known.map(\.result)
        }
        var gradients: OutputGradients?
        if options.metric == .loss || work.contains(where: \.sharesBudget) {
            guard let found = try outputGradients(weightsText, stop, progress) else { return [] }
            gradients = found
            guard let sized = try spread(work, found, weightsText, stop, progress) else { return [] }
            work = sized
        }
        let squares = options.metric == .loss ? gradients?.squares : nil
        let outcomes = try withoutActuallyEscaping(progress) { progress in
            let board = DecompositionBoard(work, progress)
            try walk(
                work, rows, follows: options.prefix == .compressed, stop,
                visit: { found in
                    run(found.map { ($0.place, MatrixFit(entry: work[$0.place], inputs: $0.inputs, squares: squares?[work[$0.place].name])) }, board, stop)
                    return try found.compactMap { try board.outcome($0.place) }
                },
                heal: local.epochs == 0 ? nil : { try heal($0, work, board, gradients, stop) })
            return try board.finish()
        }
        for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        if let whole, outcomes.count == work.count {
            try cache?.store(Self.wholeName, whole, Dictionary(outcomes.compactMap { outcome in outcome.key.map { (outcome.result.name, $0) } }) { $1 })
        }
        return outcomes.map(\.result)
    }

    // MARK: A decomposition that is finished

    private static let wholeName = "model"
    private static let localSuffix = ".local"

    /// What all cores depend on together, known without a look at a single row's activations.
    private func wholeKey(_ work: [CompressionPlan.Entry], _ weightsText: String) -> DecompositionCache.Key {
        let entries = work.map { "\($0.name) \($0.layout!)\($0.searchesLegs ? " or better" : "")\($0.sharesBudget ? " or another size" : "")" }
        return .init("model 2, \(compute), \(type), rows \(rows.checksum.text), weights \(weightsText), \(options), \(local), \(entries.joined(separator: "; "))")
    }

    /// The cores of all matrices, if they were found before.
    private func finished(_ work: [CompressionPlan.Entry], _ whole: DecompositionCache.Key) -> [DecompositionOutcome]? {
        guard let cache, let keys = cache.load(Self.wholeName, whole, as: [String: String].self) else { return nil }
        let suffix = local.epochs > 0 ? Self.localSuffix : ""
        let found = work.compactMap { entry in keys[entry.name].flatMap { cache.load(entry.name + suffix, DecompositionCache.Key($0), type: type) } }
        return found.count == work.count ? found : nil
    }

    // MARK: How the loss depends on matrices

    /// Tokens of the rows to fit that gradients are taken of: as many numbers as a matrix has rows are settled soon.
    private static let gradientTokens = 8192
    /// Tokens that curves of sizes are made from: they compare matrices, and do not fit any.
    private static let curveTokens = 16_384
    /// Beyond this much for what a backward pass keeps, blocks are computed twice.
    private static let keptLimit = 4 << 30

    private func outputGradients(
        _ weightsText: String, _ stop: () -> Bool, _ progress: (DecompositionProgress) throws -> Void
    ) throws -> OutputGradients? {
        let key = DecompositionCache.Key("gradients 1, \(compute), rows \(rows.checksum.text), weights \(weightsText)")
        if let known = cache?.load("gradients", key, as: OutputGradients.self) { return known }
        let batches = rows.first(Self.gradientTokens).fitted
        let c = opened.configuration, longest = batches.map(\.input.tokens.count).max() ?? 0
        let kept = c.layers * longest * (3 * c.hiddenSize + 2 * (c.queryRows + c.keyValueRows) + 2 * c.intermediateSize) * compute.size
        let gradients = try OutputGradients.gather(
            c, try opened.weights(), batches, compute: compute, checkpointing: kept > Self.keptLimit, stop: stop
        ) { try progress(.init(phase: .gradients, done: $0, total: batches.count)) }
        if let gradients { try cache?.store("gradients", key, gradients) }
        Arena.shared.trim()
        return gradients
    }

    private func weightsChecksum() throws -> Checksum {
        var checksum = Checksum()
        for name in opened.source.names { try opened.source.floats(name).withUnsafeBytes { checksum.add($0) } }
        return checksum
    }

    // MARK: Sizes

    /// The matrices at the sizes with which the loss is predicted to rise least; only those that share the budget change theirs.
    private func spread(
        _ work: [CompressionPlan.Entry], _ gradients: OutputGradients, _ weightsText: String, _ stop: @escaping @Sendable () -> Bool,
        _ progress: (DecompositionProgress) throws -> Void
    ) throws -> [CompressionPlan.Entry]? {
        let shared = work.filter(\.sharesBudget)
        guard !shared.isEmpty else { return work }
        let sizes = shared.map { "\($0.name) \($0.layout!)" }.joined(separator: "; ")
        let key = DecompositionCache.Key(
            "sizes 3, \(compute), rows \(rows.checksum.text), weights \(weightsText), \(options.shrinkage) \(options.skipsFirstToken) \(options.metric), \(sizes)")
        var parameters = cache?.load("sizes", key, as: [String: Int].self)
        if parameters == nil {
            guard let curves = try lossCurves(shared, gradients, stop, progress) else { return nil }
            parameters = try ParameterBudget(shared, curves: curves).parameters
            try cache?.store("sizes", key, parameters!)
        }
        return try work.map { entry in try parameters![entry.name].map(entry.resized) ?? entry }
    }

    /// What the loss rises by with each rank of each matrix, as far as output errors tell.
    private func lossCurves(
        _ work: [CompressionPlan.Entry], _ gradients: OutputGradients, _ stop: @escaping @Sendable () -> Bool, _ progress: (DecompositionProgress) throws -> Void
    ) throws -> [ErrorCurve]? {
        var curves: [Int: ErrorCurve] = [:]
        try walk(work, rows.first(Self.curveTokens), follows: false, stop) { found in
            let results = Mutex<[Int: Result<ErrorCurve, any Error>]>([:])
            Parallel.forEach(found.count) { index in
                let (place, inputs) = found[index], entry = work[place]
                let result = Result {
                    // Rows are weighed here whatever the metric of the fits is: sizes are about the loss.
                    let fit = MatrixFit(entry: try entry.resized(to: entry.denseCount), inputs: inputs, squares: gradients.squares[entry.name])
                    let problem = try fit.problems(try opened.source.floats(entry.name + ".weight")).fitted
                    return try ParameterBudget.curve(entry, problem) { gradients.rise(error: $0) }
                }
                results.withLock { $0[place] = result }
            }
            for (place, result) in results.withLock({ $0 }).sorted(by: { $0.key < $1.key }) { curves[place] = try result.get() }
            try progress(.init(phase: .sizes, done: curves.count, total: work.count))
            return []
        }
        return stop() ? nil : work.indices.map { curves[$0]! }
    }

    // MARK: Blocks by themselves

    /// A block with cores, what it is given behind compressed blocks, and what the original block gave.
    private struct FittedBlock {
        let layer: Int
        let weights: ModelWeights
        let inputs: [Tensor]
        let targets: [Tensor]
        let longestContext: Int
    }

    /// The block's weights with cores that were trained on its output; nil when stopped.
    private func heal(
        _ block: FittedBlock, _ work: [CompressionPlan.Entry], _ board: DecompositionBoard, _ gradients: OutputGradients?, _ stop: () -> Bool
    ) throws -> ModelWeights? {
        var weights = block.weights
        let names = Set(weights.layouts.keys), places = work.indices.filter { names.contains(work[$0].name) }
        if places.isEmpty { return weights }
        let found = try places.compactMap(board.outcome)
        guard found.count == places.count else { return nil }
        var checksum = Checksum()
        for tensor in block.inputs + block.targets + found.flatMap(\.cores) {
            checksum.add(UnsafeRawBufferPointer(start: tensor.base, count: tensor.byteCount))
        }
        let squares = options.metric == .loss ? gradients?.squares["\(LlamaNames.block(block.layer)).mlp.down_proj"] : nil
        if let squares { squares.withUnsafeBytes { checksum.add($0) } }
        func key(_ name: String) -> DecompositionCache.Key { .init("local 1, \(local), \(compute), \(type), \(name), block \(checksum.text)") }
        func fileName(_ name: String) -> String { name + Self.localSuffix }
        var healed = found.compactMap { cache?.load(fileName($0.result.name), key($0.result.name), type: type) }
        if healed.count < found.count {
            let phase = LocalHealing(options: local, rows: rows, compute: compute, longestContext: block.longestContext, squares: squares)
            guard let outcome = phase.run(opened.configuration, weights, layer: block.layer, inputs: block.inputs, targets: block.targets, stop: stop)
            else { return nil }
            healed = found.map { before in
                var after = before
                after.cores = before.cores.indices.map {
                    Elementwise.convert(outcome.cores[ModelWeights.coreName(before.result.name, $0)]!, to: type)
                }
                after.result.fit?.localError = outcome.errorLeft
                return after
            }
            for outcome in healed { try cache?.store(key(outcome.result.name), outcome, as: fileName(outcome.result.name)) }
        }
        for (place, var outcome) in zip(places, healed) {
            // The whole model is found again by the names that its matrices are stored under.
            outcome.key = key(outcome.result.name).text
            board.replace(place, outcome)
            weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores)
        }
        return weights
    }

    // MARK: The way through the model

    /// Takes rows through the model. `visit` gets matrices with their inputs, block after block.
    ///
    /// - Parameter follows: whether a model of the cores found so far follows the original, so that matrices make up for what was lost before them. `visit` then
    ///   gets only matrices with the same input at once, and the cores that it returns are taken into the model that follows; `heal` may change those
    ///   of a whole block before the next one.
    private func walk(
        _ work: [CompressionPlan.Entry], _ rows: CalibrationRows, follows: Bool, _ stop: () -> Bool,
        visit: ([(place: Int, inputs: FitInputs)]) throws -> [DecompositionOutcome], heal: ((FittedBlock) throws -> ModelWeights?)? = nil
    ) throws {
        let configuration = opened.configuration
        let places = Dictionary(uniqueKeysWithValues: work.enumerated().map { ($1.name, $0) })
        let context = 1 + Int(rows.all.flatMap(\.input.positions).max() ?? 0)
        let embedding = LlamaModel(configuration, try opened.weights(of: LlamaNames.embedding), compute: compute, longestContext: 1)
        for batch in rows.all { try TrainingWindow.check(batch.input.tokens, embedding) }
        var stream = CalibrationStream(rows, skipsFirstToken: options.skipsFirstToken, embedding: embedding)
        var student = follows ? stream : nil
        for layer in 0...(work.compactMap { LayerRanges.layer(of: $0.name) }.max() ?? 0) {
            let name = LlamaNames.block(layer)
            var weights = try opened.weights(of: name)
            let block = BlockRunner(configuration, weights, layer: layer, compute: compute, longestContext: context)
            var waiting: [(place: Int, inputs: FitInputs)] = []
            let inputs = student?.stream ?? []
            stream.begin(block)
            student?.begin(block)
            for step in BlockStep.allCases {
                if stop() { return }
                let found = step.matrices.compactMap { places["\(name).\($0)"] }
                if !found.isEmpty {
                    let moments =
                        if let student { FitInputs(stream.moments(of: step, with: student), shrinkage: options.shrinkage) } else {
                            try FitInputs(stream.moments(), shrinkage: options.shrinkage)
                        }
                    waiting += found.map { ($0, moments) }
                }
                stream.advance(block, through: step)
                guard student != nil else { continue }
                let outcomes = try visit(waiting)
                if outcomes.count < waiting.count { return }
                waiting = []
                for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
                student!.advance(BlockRunner(configuration, weights, layer: layer, compute: compute, longestContext: context), through: step)
            }
            if !waiting.isEmpty { _ = try visit(waiting) }
            guard student != nil, let heal else { continue }
            guard let healed = try heal(.init(layer: layer, weights: weights, inputs: inputs, targets: stream.stream, longestContext: context)) else { return }
            student!.pass(BlockRunner(configuration, healed, layer: layer, compute: compute, longestContext: context), from: inputs)
        }
    }

    // MARK: Fits

    /// Several fits at once, as memory allows, the longest first.
    private func run(_ fits: [(place: Int, fit: MatrixFit)], _ board: DecompositionBoard, _ stop: @escaping @Sendable () -> Bool) {
        let fits = fits.sorted { ($1.fit.bytes, $0.place) < ($0.fit.bytes, $1.place) }
        let workers = max(1, Compressor.workspace / max(1, fits.first?.fit.bytes ?? 1))
        Parallel.forEach(fits.count, workers: workers) { index in
            let (place, fit) = fits[index]
            if board.isEnded || stop() { return }
            board.record(place) { try outcome(fit) }
        }
    }

    private func outcome(_ fit: MatrixFit) throws -> DecompositionOutcome {
        let entry = fit.entry
        let weight = try opened.source.floats(entry.name + ".weight")
        let key = DecompositionCache.Key(key(fit, weight))
        if var known = cache?.load(entry.name, key, type: type) {
            known.key = key.text
            return known
        }
        let (mpo, report) = try fit.run(weight)
        let outcome = DecompositionOutcome(
            result: .init(name: entry.name, layout: mpo.layout, relativeError: Self.relativeError(mpo, weight), fit: report),
            cores: mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) }, wasCached: false, key: key.text)
        try cache?.store(key, outcome)
        return outcome
    }

    /// ||W - W'||_F / ||W||_F.
    private static func relativeError(_ mpo: MPO<Float>, _ weight: [Float]) -> Double {
        var difference = 0.0, whole = 0.0
        for (a, b) in zip(mpo.dense(), weight) {
            difference += Double((a - b) * (a - b))
            whole += Double(b * b)
        }
        return whole > 0 ? (difference / whole).squareRoot() : 0
    }

    /// Everything that the cores depend on. The moments depend on all rows, the layers before and the arithmetic.
    private func key(_ fit: MatrixFit, _ weight: [Float]) -> String {
        let checksum = weight.withUnsafeBytes { Checksum(of: $0) }
        let rowWeights = fit.squares.map { squares in "rows weighed \(squares.withUnsafeBytes { Checksum(of: $0) }.text)" } ?? "rows alike"
        return "activation 3, \(fit.entry.layout!)\(fit.entry.searchesLegs ? " or better" : ""), \(type), rows \(rows.checksum.text), moments \(fit.inputs.checksum.text), "
            + "\(rowWeights), crc32 \(checksum.text)"
    }
}
