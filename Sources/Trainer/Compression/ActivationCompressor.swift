import Kernels
import Models
import Storage
import TensorTrain

/// Finds the cores that lose least of each matrix's output on calibration rows, block after block: one block's weights are in memory at a time, and the
/// hidden states of the rows.
package struct ActivationCompressor: Sendable {
    private let opened: OpenedModel
    private let plan: CompressionPlan
    private let rows: CalibrationRows
    private let options: CalibrationConfiguration
    /// Type of activations.
    private let compute: DType
    /// What cores are kept in.
    private let type: DType
    private let cache: DecompositionCache?

    /// - Parameters:
    ///   - type: f32, or bf16, to which cores are rounded.
    ///   - cache: where finished matrices are kept for the case of a kill.
    package init(
        _ opened: OpenedModel, _ plan: CompressionPlan, rows: CalibrationRows, options: CalibrationConfiguration, compute: DType, type: DType = .f32,
        cache: DecompositionCache? = nil
    ) {
        self.opened = opened
        self.plan = plan
        self.rows = rows
        self.options = options
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
        let work = plan.compressed.filter { layouts[$0.name] == nil }
        let outcomes = try withoutActuallyEscaping(progress) { progress in
            let board = DecompositionBoard(work, progress)
            try fit(work, board, stop)
            return try board.finish()
        }
        for outcome in outcomes { weights.compress(outcome.result.name, layout: outcome.result.layout, cores: outcome.cores) }
        return outcomes.map(\.result)
    }

    private func fit(_ work: [CompressionPlan.Entry], _ board: DecompositionBoard, _ stop: @escaping @Sendable () -> Bool) throws {
        let configuration = opened.configuration
        let places = Dictionary(uniqueKeysWithValues: work.enumerated().map { ($1.name, $0) })
        let context = 1 + Int(rows.all.flatMap(\.input.positions).max() ?? 0)
        let embedding = LlamaModel(configuration, try opened.weights(of: LlamaNames.embedding), compute: compute, longestContext: 1)
        for batch in rows.all { try TrainingWindow.check(batch.input.tokens, embedding) }
        var stream = CalibrationStream(rows, skipsFirstToken: options.skipsFirstToken, embedding: embedding)
        for layer in 0...(work.compactMap { LayerRanges.layer(of: $0.name) }.max() ?? 0) {
            let name = LlamaNames.block(layer)
            let block = BlockRunner(configuration, try opened.weights(of: name), layer: layer, compute: compute, longestContext: context)
            var fits: [(place: Int, fit: MatrixFit)] = []
            stream.begin(block)
            for step in BlockStep.allCases {
                if stop() { return }
                let found = step.matrices.compactMap { places["\(name).\($0)"] }
                if !found.isEmpty {
                    let inputs = try FitInputs(stream.moments(), shrinkage: options.shrinkage)
                    fits += found.map { ($0, MatrixFit(entry: work[$0], inputs: inputs)) }
                }
                stream.advance(block, through: step)
            }
            run(fits, board, stop)
            if board.isEnded { return }
        }
    }

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
        if let known = cache?.load(entry.name, key, type: type) { return known }
        let (mpo, report) = try fit.run(weight)
        let outcome = DecompositionOutcome(
            result: .init(name: entry.name, layout: mpo.layout, relativeError: Self.relativeError(mpo, weight), fit: report),
            cores: mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) }, wasCached: false)
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
        return "activation 1, \(fit.entry.layout!)\(fit.entry.searchesLegs ? " or better" : ""), \(type), rows \(rows.checksum.text), moments \(fit.inputs.checksum.text), "
            + "crc32 \(checksum.text)"
    }
}
