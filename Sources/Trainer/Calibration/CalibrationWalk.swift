import Kernels
import Models
import Storage

/// The way of calibration rows through a model, block after block: one block's weights are in memory at a time, and the hidden states of the rows.
struct CalibrationWalk: Sendable {
    let opened: OpenedModel
    let rows: CalibrationRows
    let options: CalibrationConfiguration
    /// Type of activations.
    let compute: DType

    init(_ opened: OpenedModel, _ rows: CalibrationRows, _ options: CalibrationConfiguration, compute: DType) {
        self.opened = opened
        self.rows = rows
        self.options = options
        self.compute = compute
    }

    /// A block with cores, what it is given behind compressed blocks, and what the original block gave.
    struct FittedBlock {
        let layer: Int
        let weights: ModelWeights
        let inputs: [Tensor]
        let targets: [Tensor]
        let longestContext: Int
    }

    /// Takes rows through the model. `visit` gets matrices with their inputs, block after block.
    ///
    /// - Parameter follows: whether a model of the cores found so far follows the original, so that matrices make up for what was lost before them. `visit` then
    ///   gets only matrices with the same input at once, and the cores that it returns are taken into the model that follows; `heal` may change those
    ///   of a whole block before the next one.
    func run(
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
                // What is added to the stream is fitted to the original's stream behind it, anything else to what the original's matrices get.
                let aimsAtStream = follows && step.addsToResidual
                if aimsAtStream { stream.advance(block, through: step) }
                if !found.isEmpty {
                    let moments: FitInputs
                    if let student {
                        moments = FitInputs(aimsAtStream ? stream.streamMoments(with: student) : stream.moments(with: student), shrinkage: options.shrinkage)
                    } else {
                        do { moments = try FitInputs(stream.moments(), shrinkage: options.shrinkage) } catch { throw HealError.matrix(work[found[0]].name, error) }
                    }
                    waiting += found.map { ($0, moments) }
                }
                if !aimsAtStream { stream.advance(block, through: step) }
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

    // MARK: How the loss depends on matrices

    /// Tokens of the rows to fit that gradients are taken of: as many numbers as a matrix has rows are settled soon.
    private static let gradientTokens = 8192
    /// Beyond this much for what a backward pass keeps, blocks are computed twice.
    private static let keptLimit = 4 << 30

    /// How much the loss depends on what each matrix gives, over the first of the rows to fit; nil when it was stopped.
    ///
    /// - Parameters:
    ///   - weightsText: the checksum of all weights, which the cache asks for.
    func outputGradients(
        _ weightsText: String, cache: DecompositionCache?, _ stop: () -> Bool, _ progress: (DecompositionProgress) throws -> Void
    ) throws -> OutputGradients? {
        let key = DecompositionCache.Key("gradients 1, \(compute), rows \(rows.checksum.text), weights \(weightsText)")
        if let known = cache?.load("gradients", key, as: OutputGradients.self) { return known }
        let batches = rows.first(Self.gradientTokens).fitted
        let c = opened.configuration, longest = batches.map(\.input.tokens.count).max() ?? 0
        let kept = c.layers * longest * (3 * c.hiddenSize + 2 * (c.queryRows + c.keyValueRows) + 2 * c.intermediateSize) * compute.size
        let gradients = try OutputGradients.gather(
            c, try opened.weights(), batches, compute: compute, checkpointing: kept > Self.keptLimit, stop: stop
        ) { try progress(.init(phase: .gradients, done: $0, total: batches.count)) }
        if let gradients { cache?.store("gradients", key, gradients) }
        Arena.shared.trim()
        return gradients
    }

    /// Of all weights of the model.
    func weightsChecksum() throws -> Checksum {
        var checksum = Checksum()
        for name in opened.usedNames { try opened.source.floats(name).withUnsafeBytes { checksum.add($0) } }
        return checksum
    }
}
