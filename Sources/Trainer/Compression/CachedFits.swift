import Kernels
import Storage
import TensorTrain

/// Fits of a model's matrices; finished ones are kept for the case of a kill.
struct CachedFits: Sendable {
    private let opened: OpenedModel
    private let rows: CalibrationRows
    /// What cores are kept in.
    let type: DType
    let cache: DecompositionCache?

    init(_ opened: OpenedModel, _ rows: CalibrationRows, type: DType, cache: DecompositionCache?) {
        self.opened = opened
        self.rows = rows
        self.type = type
        self.cache = cache
    }

    /// Several fits at once, as memory allows, the longest first.
    func run(_ fits: [(place: Int, fit: MatrixFit)], _ board: DecompositionBoard, _ stop: @escaping @Sendable () -> Bool) {
        let fits = fits.sorted { ($1.fit.bytes, $0.place) < ($0.fit.bytes, $1.place) }
        let workers = max(1, Compressor.workspace / max(1, fits.first?.fit.bytes ?? 1))
        Parallel.forEach(fits.count, workers: workers) { index in
            let (place, fit) = fits[index]
            if board.isEnded || stop() { return }
            board.record(place) { try outcome(fit) }
        }
    }

    /// The cores of one matrix, from the cache where they are there.
    func outcome(_ fit: MatrixFit) throws -> DecompositionOutcome {
        let entry = fit.entry
        let weight = try opened.source.floats(entry.name + ".weight")
        let key = key(fit, weight)
        if var known = cache?.load(entry.name, key, type: type, shape: (entry.out, entry.in)) {
            known.key = key.text
            return known
        }
        let (mpo, report) = try fit.run(weight)
        let outcome = DecompositionOutcome(
            result: .init(name: entry.name, layout: mpo.layout, relativeError: Self.relativeError(mpo, weight), fit: report),
            cores: mpo.cores.map { Elementwise.convert(Tensor($0.values, $0.shape), to: type) }, wasCached: false, key: key.text)
        try outcome.requireFinite()
        cache?.store(key, outcome)
        return outcome
    }

    /// ||W - W'||_F / ||W||_F; 0 for a matrix of zeros.
    private static func relativeError(_ mpo: MPO<Float>, _ weight: [Float]) -> Double {
        var difference = 0.0, whole = 0.0
        for (a, b) in zip(mpo.dense(), weight) {
            difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
            whole += Double(b) * Double(b)
        }
        return whole > 0 ? (difference / whole).squareRoot() : 0
    }

    /// Everything that the cores depend on. The moments depend on all rows, the layers before and the arithmetic.
    func key(_ fit: MatrixFit, _ weight: [Float]) -> DecompositionCache.Key {
        let checksum = weight.withUnsafeBytes { Checksum(of: $0) }
        let rowWeights = fit.squares.map { squares in "rows weighed \(squares.withUnsafeBytes { Checksum(of: $0) }.text)" } ?? "rows alike"
        return .init(
            "activation 5, \(fit.entry.layout!)\(fit.entry.searchesLegs ? " or better" : ""), \(type), rows \(rows.checksum.text), "
                + "moments \(fit.inputs.checksum.text), \(rowWeights), crc32 \(checksum.text)")
    }
}
