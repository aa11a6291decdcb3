import Basics
import Kernels
import Models
import Storage
import TensorTrain

/// The weights of an `mpo` export as other sources give them: whole cores, made from what is stored of them.
struct MPOExportSource: WeightSource {
    private let stored: SafetensorsDirectory
    /// Cores of which pivots are known, by name.
    private let cores: [String: (k: Int, layout: MPOLayout, pivots: [Int])]

    init(_ stored: SafetensorsDirectory, _ manifest: MPOManifest) {
        self.stored = stored
        var cores: [String: (k: Int, layout: MPOLayout, pivots: [Int])] = [:]
        for (module, pivots) in manifest.pivots {
            for (index, pivots) in pivots.enumerated() { cores[ModelWeights.coreName(module, index + 1)] = (index + 1, manifest.layouts[module]!, pivots) }
        }
        self.cores = cores
    }

    var names: [String] { stored.names }
    func contains(_ name: String) -> Bool { stored.contains(name) }
    func shape(of name: String) throws(StorageError) -> [Int] {
        if let core = cores[name] { return core.layout.coreShape(core.k) }
        return try stored.shape(of: name)
    }
    func elementType(of name: String) throws(StorageError) -> ElementType { try stored.elementType(of: name) }
    func mapped(_ name: String) -> UnsafeRawBufferPointer? { cores[name] == nil ? stored.mapped(name) : nil }

    func requireFinite(_ name: String) throws(StorageError) { try stored.requireFinite(name) }

    func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        guard let core = cores[name] else { return try stored.read(name, into: target) }
        let whole = InterpolativeMPO.core(try stored.floats(name), core.k, core.layout, pivots: core.pivots)
        _ = target.update(fromContentsOf: whole)
    }

    func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) {
        guard cores[name] != nil else { return try stored.readBFloat16(name, into: target) }
        let wide = Tensor([target.count], .f32)
        try read(name, into: UnsafeMutableBufferPointer(start: wide.base.f32, count: target.count))
        let narrow = Elementwise.convert(wide, to: .bf16)
        withExtendedLifetime(narrow) { _ = target.update(fromContentsOf: UnsafeMutableBufferPointer(start: narrow.base.bf16, count: target.count)) }
    }
}
