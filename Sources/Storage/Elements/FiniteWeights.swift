import Basics
import Synchronization

/// Weights of which every number is finite: a tensor is looked through when it is first read, or by `check`, and never again.
package final class FiniteWeights: WeightSource {
    private let base: any WeightSource
    private let checked = Mutex<Set<String>>([])

    package init(_ base: any WeightSource) { self.base = base }

    package var names: [String] { base.names }
    package func contains(_ name: String) -> Bool { base.contains(name) }
    package func shape(of name: String) throws(StorageError) -> [Int] { try base.shape(of: name) }
    package func elementType(of name: String) throws(StorageError) -> ElementType { try base.elementType(of: name) }

    /// Throws where a number of the tensor is NaN or infinite.
    package func check(_ name: String) throws(StorageError) {
        if isChecked(name) { return }
        try base.requireFinite(name)
        markChecked(name)
    }

    package func requireFinite(_ name: String) throws(StorageError) { try check(name) }

    package func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        try base.read(name, into: target)
        guard !isChecked(name), let start = target.baseAddress else { return }
        if let index = NonFinite.first(in: start, count: target.count) { try refuse(name, index, target[index]) }
        markChecked(name)
    }

    package func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) {
        try base.readBFloat16(name, into: target)
        guard !isChecked(name), let start = target.baseAddress else { return }
        if let index = NonFinite.first(inBFloat16: start, count: target.count) {
            try refuse(name, index, FloatFormats.float(bfloat16: target[index]))
        }
        // A float32 beyond the range of bf16 has no place in it, but is finite: the next reader looks for itself.
        if try base.elementType(of: name) == .bfloat16 { markChecked(name) }
    }

    package func mapped(_ name: String) throws(StorageError) -> UnsafeRawBufferPointer? {
        guard let bytes = try base.mapped(name) else { return nil }
        try check(name)
        return bytes
    }

    /// The source below knows the file; the number may have become infinite only in the type that was asked for.
    private func refuse(_ name: String, _ index: Int, _ value: Float) throws(StorageError) -> Never {
        try base.requireFinite(name)
        throw StorageError.nonFinite(name, shape: try base.shape(of: name), index: index, value: value, file: name)
    }

    private func isChecked(_ name: String) -> Bool { checked.withLock { $0.contains(name) } }
    private func markChecked(_ name: String) { checked.withLock { _ = $0.insert(name) } }
}
