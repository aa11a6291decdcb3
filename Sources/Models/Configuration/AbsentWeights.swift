import Basics
import Storage

/// The weights of a model of which only the configuration is there.
struct AbsentWeights: WeightSource {
    let path: String

    private var error: StorageError { StorageError(.notFound, file: path, "the model's weights are not there") }

    var names: [String] { [] }
    func contains(_ name: String) -> Bool { false }
    func shape(of name: String) throws(StorageError) -> [Int] { throw error }
    func elementType(of name: String) throws(StorageError) -> ElementType { throw error }
    func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) { throw error }
    func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) { throw error }
    func mapped(_ name: String) -> UnsafeRawBufferPointer? { nil }
    func requireFinite(_ name: String) throws(StorageError) { throw error }
}
