import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Finds the cores that lose least of each matrix's output on calibration rows, block after block: one block's weights are in memory at a time, and the
/// hidden states of the rows.
package struct ActivationCompressor: Sendable {
    private let plan: CompressionPlan
    private let walk: CalibrationWalk
    private let fits: CachedFits
    private let local: LocalHealingConfiguration

    /// Tokens of rows not fitted to, where nothing is chosen on them: they only tell errors.
    private static let toldTokens = 4096

    /// - Parameters:
    ///   - rows: those not fitted to are cut short where no choice needs them.
    ///   - compute: the type of activations.
    ///   - type: f32, or bf16, to which cores are rounded.
    ///   - cache: where finished matrices are kept for the case of a kill.
    package init(
        _ opened: OpenedModel, _ plan: CompressionPlan, rows: CalibrationRows, options: CalibrationConfiguration, local: LocalHealingConfiguration = .init(), compute: DType,
        type: DType = .f32, cache: DecompositionCache? = nil
    ) {
        self.plan = plan
        self.local = local
        let choosesOnRows = local.epochs > 0 || plan.compressed.contains { $0.searchesLegs || !$0.layout!.isSolvedByStart }
        let rows = choosesOnRows ? rows : rows.keepingHeld(Self.toldTokens)
        walk = CalibrationWalk(opened, rows, options, compute: compute)
        fits = CachedFits(opened, rows, type: type, cache: cache)
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
        let weightsText = fits.cache == nil ? "" : try walk.weightsChecksum().text
        let whole = fits.cache.map { _ in wholeKey(work, weightsText) }
        if let whole, let known = finished(work, whole) {
            for (index, outcome) in known.enumerated() {
                try progress(.init(done: index + 1, total: known.count, name: outcome.result.name))
                weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores)
            }
            return known.map(\.result)
        }
        var gradients: OutputGradients?
        if walk.options.metric == .loss || work.contains(where: \.sharesBudget) {
            guard let found = try walk.outputGradients(weightsText, cache: fits.cache, stop, progress) else { return [] }
            gradients = found
            guard let sized = try spread(work, found, weightsText, stop, progress) else { return [] }
            work = sized
        }
        let squares = walk.options.metric == .loss ? gradients?.squares : nil
        let outcomes = try withoutActuallyEscaping(progress) { progress in
            let board = DecompositionBoard(work, progress)
            try walk.run(
                work, walk.rows, follows: walk.options.prefix == .compressed, stop,
                visit: { found in
                    fits.run(found.map { ($0.place, MatrixFit(entry: work[$0.place], inputs: $0.inputs, squares: squares?[work[$0.place].name])) }, board, stop)
                    return try found.compactMap { try board.outcome($0.place) }
                },
                heal: local.epochs == 0 ? nil : { try heal($0, work, board, gradients, stop) })
            return try board.finish()
        }
        for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        if let whole, outcomes.count == work.count {
            fits.cache?.store(Self.wholeName, whole, Dictionary(outcomes.compactMap { outcome in outcome.key.map { (outcome.result.name, $0) } }) { $1 })
        }
        return outcomes.map(\.result)
    }

    // MARK: A decomposition that is finished

    private static let wholeName = "model"
    private static let localSuffix = ".local"

    /// What all cores depend on together, known without a look at a single row's activations.
    private func wholeKey(_ work: [CompressionPlan.Entry], _ weightsText: String) -> DecompositionCache.Key {
        // Whatever files the rows come from: they are told by their checksum.
        var options = walk.options
        options.datasets = []
        let entries = work.map { "\($0.name) \($0.layout!)\($0.searchesLegs ? " or better" : "")\($0.sharesBudget ? " or another size" : "")" }
        return .init("model 3, \(walk.compute), \(fits.type), rows \(walk.rows.checksum.text), weights \(weightsText), \(options), \(local), \(entries.joined(separator: "; "))")
    }

    /// The cores of all matrices, if they were found before.
    private func finished(_ work: [CompressionPlan.Entry], _ whole: DecompositionCache.Key) -> [DecompositionOutcome]? {
        guard let cache = fits.cache, let keys = cache.load(Self.wholeName, whole, as: [String: String].self) else { return nil }
        let suffix = local.epochs > 0 ? Self.localSuffix : ""
        let found = work.compactMap { entry in keys[entry.name].flatMap { cache.load(entry.name + suffix, DecompositionCache.Key($0), type: fits.type, shape: (entry.out, entry.in)) } }
        return found.count == work.count ? found : nil
    }

    // MARK: Sizes

    /// Tokens that curves of sizes are made from: they compare matrices, and do not fit any.
    private static let curveTokens = 16_384

    /// The matrices at the sizes with which the loss is predicted to rise least; only those that share the budget change theirs.
    private func spread(
        _ work: [CompressionPlan.Entry], _ gradients: OutputGradients, _ weightsText: String, _ stop: @escaping @Sendable () -> Bool,
        _ progress: (DecompositionProgress) throws -> Void
    ) throws -> [CompressionPlan.Entry]? {
        let shared = work.filter(\.sharesBudget)
        guard !shared.isEmpty else { return work }
        let sizes = shared.map { "\($0.name) \($0.layout!)" }.joined(separator: "; ")
        let key = DecompositionCache.Key(
            "sizes 3, \(walk.compute), rows \(walk.rows.checksum.text), weights \(weightsText), \(walk.options.shrinkage) \(walk.options.skipsFirstToken) \(walk.options.metric), \(sizes)")
        var parameters = fits.cache?.load("sizes", key, as: [String: Int].self)
        if parameters == nil {
            guard let curves = try lossCurves(shared, gradients, stop, progress) else { return nil }
            parameters = try ParameterBudget(shared, curves: curves).parameters
            fits.cache?.store("sizes", key, parameters!)
        }
        return try work.map { entry in try parameters![entry.name].map(entry.resized) ?? entry }
    }

    /// What the loss rises by with each rank of each matrix, as far as output errors tell.
    private func lossCurves(
        _ work: [CompressionPlan.Entry], _ gradients: OutputGradients, _ stop: @escaping @Sendable () -> Bool, _ progress: (DecompositionProgress) throws -> Void
    ) throws -> [ErrorCurve]? {
        var curves: [Int: ErrorCurve] = [:]
        try walk.run(work, walk.rows.first(Self.curveTokens), follows: false, stop) { found in
            let results = Mutex<[Int: Result<ErrorCurve, any Error>]>([:])
            Parallel.forEach(found.count) { index in
                let (place, inputs) = found[index], entry = work[place]
                let result = Result {
                    // Rows are weighed here whatever the metric of the fits is: sizes are about the loss.
                    let fit = MatrixFit(entry: try entry.resized(to: entry.denseCount), inputs: inputs, squares: gradients.squares[entry.name])
                    let problem = try fit.problems(try walk.opened.source.floats(entry.name + ".weight")).fitted
                    return try ParameterBudget.curve(entry, problem) { gradients.rise(error: $0) }
                }
                results.withLock { $0[place] = result }
            }
            for (place, result) in results.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
                do { curves[place] = try result.get() } catch { throw HealError.matrix(work[place].name, error) }
            }
            try progress(.init(phase: .sizes, done: curves.count, total: work.count))
            return []
        }
        return stop() ? nil : work.indices.map { curves[$0]! }
    }

    // MARK: Blocks by themselves

    /// The block's weights with cores that were trained on its output; nil when stopped.
    private func heal(
        _ block: CalibrationWalk.FittedBlock, _ work: [CompressionPlan.Entry], _ board: DecompositionBoard, _ gradients: OutputGradients?, _ stop: () -> Bool
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
        let squares = walk.options.metric == .loss ? gradients?.squares["\(LlamaNames.block(block.layer)).mlp.down_proj"] : nil
        if let squares { squares.withUnsafeBytes { checksum.add($0) } }
        func key(_ name: String) -> DecompositionCache.Key { .init("local 1, \(local), \(walk.compute), \(fits.type), \(name), block \(checksum.text)") }
        func fileName(_ name: String) -> String { name + Self.localSuffix }
        var healed = found.compactMap { fits.cache?.load(fileName($0.result.name), key($0.result.name), type: fits.type, shape: ($0.result.layout.rows, $0.result.layout.columns)) }
        if healed.count < found.count {
            let phase = LocalHealing(options: local, rows: walk.rows, compute: walk.compute, longestContext: block.longestContext, squares: squares)
            guard let outcome = phase.run(walk.opened.configuration, weights, layer: block.layer, inputs: block.inputs, targets: block.targets, stop: stop)
            else { return nil }
            healed = found.map { before in
                var after = before
                after.cores = before.cores.indices.map {
                    Elementwise.convert(outcome.cores[ModelWeights.coreName(before.result.name, $0)]!, to: fits.type)
                }
                after.result.fit?.localError = outcome.errorLeft
                return after
            }
            for outcome in healed { fits.cache?.store(key(outcome.result.name), outcome, as: fileName(outcome.result.name)) }
        }
        for (place, var outcome) in zip(places, healed) {
            // The whole model is found again by the names that its matrices are stored under.
            outcome.key = key(outcome.result.name).text
            board.replace(place, outcome)
            weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores)
        }
        return weights
    }
}
