import Basics

/// The weights of a Hugging Face directory: `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
package struct SafetensorsDirectory: WeightSource {
    /// The directory, or the single file it was opened from.
    package let path: String
    package let names: [String]
    private let files: [SafetensorsFile]
    private let tensors: [String: (file: Int, tensor: StoredTensor)]

    package static let singleName = "model.safetensors"
    package static let indexName = "model.safetensors.index.json"

    package init(path: String) throws(StorageError) {
        if FileSystem.kind(of: path + "/" + Self.singleName) != nil {
            try self.init(path: path, files: [SafetensorsFile(path: path + "/" + Self.singleName)], index: nil)
        } else if FileSystem.kind(of: path + "/" + Self.indexName) != nil {
            try self.init(sharded: path)
        } else {
            throw StorageError(.notFound, file: path, "holds neither \(Self.singleName) nor \(Self.indexName)")
        }
    }

    /// One file alone.
    package init(file: String) throws(StorageError) {
        try self.init(path: file, files: [SafetensorsFile(path: file)], index: nil)
    }

    private init(sharded path: String) throws(StorageError) {
        let indexPath = path + "/" + Self.indexName
        guard let map = try JSONValue.read(indexPath)["weight_map"]?.object, !map.isEmpty else {
            throw StorageError(.malformed, file: indexPath, place: "weight_map", "must be an object from tensor names to file names")
        }
        var weightMap: [String: String] = [:]
        for (name, value) in map {
            // A plain file name: an index must not lead out of its directory.
            guard let shard = value.string, !shard.isEmpty, !shard.contains("/"), shard != "..", shard != "." else {
                throw StorageError(.malformed, file: indexPath, place: "weight_map.\(name)", "must be the name of a file in this directory")
            }
            weightMap[name] = shard
        }
        let shards = Set(weightMap.values).sorted()
        let missing = shards.filter { FileSystem.kind(of: path + "/" + $0) == nil }
        guard missing.isEmpty else {
            throw StorageError(
                .notFound, file: path, "\(missing.count) of \(shards.count) shards are missing: \(missing.prefix(5).joined(separator: ", ")); download them")
        }
        var files: [SafetensorsFile] = []
        for shard in shards { files.append(try SafetensorsFile(path: path + "/" + shard)) }
        try self.init(path: path, files: files, index: (indexPath, weightMap))
    }

    private init(path: String, files: [SafetensorsFile], index: (path: String, map: [String: String])?) throws(StorageError) {
        var tensors: [String: (file: Int, tensor: StoredTensor)] = [:]
        for (number, file) in files.enumerated() {
            for tensor in file.tensors {
                if let other = tensors.updateValue((number, tensor), forKey: tensor.name) {
                    throw StorageError(.malformed, file: file.path, place: tensor.name, "is also in \(files[other.file].path)")
                }
            }
        }
        if let index {
            for (name, shard) in index.map.sorted(by: { $0.key < $1.key }) {
                guard let found = tensors[name], files[found.file].path == path + "/" + shard else {
                    throw StorageError(.missing, file: index.path, place: "weight_map.\(name)", "is not in \(shard); the index belongs to other files")
                }
            }
        }
        self.path = path
        self.files = files
        self.tensors = tensors
        names = tensors.keys.sorted()
    }

    private func find(_ name: String) throws(StorageError) -> (reader: TensorReader, tensor: StoredTensor) {
        guard let found = tensors[name] else { throw StorageError(.missing, file: path, place: name, "there is no such tensor") }
        return (files[found.file].reader, found.tensor)
    }

    package func contains(_ name: String) -> Bool { tensors[name] != nil }
    package func shape(of name: String) throws(StorageError) -> [Int] { try find(name).tensor.shape }
    package func elementType(of name: String) throws(StorageError) -> ElementType { try find(name).tensor.type }

    package func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        let (reader, tensor) = try find(name)
        try reader.read(tensor, into: target)
    }

    package func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) {
        let (reader, tensor) = try find(name)
        try reader.readBFloat16(tensor, into: target)
    }

    package func requireFinite(_ name: String) throws(StorageError) {
        let (reader, tensor) = try find(name)
        try reader.requireFinite(tensor, name: name)
    }

    package func mapped(_ name: String) -> UnsafeRawBufferPointer? {
        guard let found = tensors[name] else { return nil }
        return files[found.file].reader.mapped(found.tensor)
    }
}
