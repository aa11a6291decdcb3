import Basics
import Kernels
import Storage

/// Lends the bytes of mapped files to tensors, and keeps the files open for as long as a tensor uses them.
struct MappedWeights: MemoryLender {
    let source: any WeightSource

    /// A tensor over the bytes in the file; nil where they are not float32 or bfloat16 in place.
    func tensor(_ name: String) throws -> Tensor? {
        guard let bytes = try source.mapped(name), !bytes.isEmpty else { return nil }
        let type: DType
        switch try source.elementType(of: name) {
        case .float32: type = .f32
        case .bfloat16: type = .bf16
        default: return nil
        }
        return Tensor(try source.shape(of: name), type, lentBy: self, bytes)
    }

    /// The pages may go: they can be read again.
    func takeBack(_ bytes: UnsafeRawBufferPointer) { MappedFile.release(bytes) }
}
