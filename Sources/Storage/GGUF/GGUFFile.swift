import Basics

/// A model in the GGUF format: one file, or the numbered files of a split one (`…-00001-of-00003.gguf`), read as one.
package struct GGUFFile: Sendable {
    /// The file that was named, whichever part it is.
    package let path: String
    package let version: Int
    package let metadata: [String: GGUFValue]
    /// In the order of the files, under GGUF names; shapes outermost dimension first (the reverse of the file's order).
    package let tensors: [StoredTensor]
    private let parts: [GGUFPart]
    private let partOf: [String: Int]

    static let magic = GGUFPart.magic

    package init(path: String) throws(StorageError) {
        let parts = try GGUFSplit.parts(path)
        var partOf: [String: Int] = [:]
        for (number, part) in parts.enumerated() {
            for tensor in part.tensors {
                if let other = partOf.updateValue(number, forKey: tensor.name) {
                    throw StorageError(.malformed, file: part.path, place: tensor.name, "is also in \(parts[other].path)")
                }
            }
        }
        self.path = path
        self.parts = parts
        self.partOf = partOf
        // The first part has the model's metadata; the others only say which part they are.
        version = parts[0].version
        metadata = parts[0].metadata
        tensors = parts.flatMap(\.tensors)
    }

    package func tensor(_ name: String) -> StoredTensor? { tensors.first { $0.name == name } }

    /// Of a tensor that this file has.
    func reader(of tensor: StoredTensor) -> TensorReader { parts[partOf[tensor.name]!].reader }

    /// The whole tensor, row-major, as it lies in the file.
    package func read(_ tensor: StoredTensor, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        try reader(of: tensor).read(tensor, into: target)
    }

    package func floats(_ tensor: StoredTensor) throws(StorageError) -> [Float] {
        var values = [Float](repeating: 0, count: tensor.elementCount)
        try values.withUnsafeMutableBufferPointer { (buffer) throws(StorageError) in try read(tensor, into: buffer) }
        return values
    }
}
