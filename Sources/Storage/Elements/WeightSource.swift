import Basics

/// A model's weights, whatever file they lie in, under Hugging Face names and in Hugging Face row order.
package protocol WeightSource: Sendable {
    /// Sorted.
    var names: [String] { get }

    func contains(_ name: String) -> Bool

    /// Outermost dimension first; a linear layer's weight is [out, in].
    func shape(of name: String) throws(StorageError) -> [Int]

    func elementType(of name: String) throws(StorageError) -> ElementType

    /// The whole tensor, row-major. `target.count` must be the number of elements.
    func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError)

    /// As `read`, rounded to the nearest bf16, ties to even.
    func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError)

    /// The bytes in place, as `elementType(of:)` says, row-major in the right row order and aligned; nil where the tensor
    /// is quantised, permuted, misaligned or absent. They live as long as the source: keep it in a stored property, or use
    /// `withExtendedLifetime`, for the compiler may end a local variable's life after its last use.
    func mapped(_ name: String) throws(StorageError) -> UnsafeRawBufferPointer?

    /// Throws where a number of the tensor is NaN or infinite, with file, row and column.
    func requireFinite(_ name: String) throws(StorageError)
}

extension WeightSource {
    /// The whole tensor as an array, for small ones.
    package func floats(_ name: String) throws(StorageError) -> [Float] {
        let count = try shape(of: name).reduce(1, *)
        var values = [Float](repeating: 0, count: count)
        try values.withUnsafeMutableBufferPointer { (buffer) throws(StorageError) in try read(name, into: buffer) }
        return values
    }

    /// `requireFinite` of a source that can only be read whole.
    package func requireFinite(_ name: String, file: String) throws(StorageError) {
        let values = try floats(name)
        guard let index = values.withUnsafeBufferPointer({ $0.isEmpty ? nil : NonFinite.first(in: $0.baseAddress!, count: $0.count) }) else { return }
        throw StorageError.nonFinite(name, shape: try shape(of: name), index: index, value: values[index], file: file)
    }
}
