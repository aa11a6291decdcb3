import Basics

/// Writes `model.safetensors`, or numbered shards with `model.safetensors.index.json` where the tensors exceed a size.
package final class ShardedSafetensorsWriter {
    package static let defaultShardSize = 5_000_000_000

    private let directory: String
    private let shards: [(file: String, writer: SafetensorsWriter)]
    private var shardOf: [String: Int] = [:]
    private var totalBytes = 0

    /// Plans the shards in the order of `tensors` and creates their files in `directory`, which must exist.
    package init(
        directory: String, tensors: [TensorDescription], shardSize: Int = defaultShardSize, metadata: [String: String] = ["format": "pt"]
    ) throws(StorageError) {
        var plan: [[TensorDescription]] = [[]]
        var used = 0
        for tensor in tensors {
            guard let bytes = tensor.byteCount else {
                throw StorageError(.unsupported, file: directory, place: tensor.name, "has an absurd shape, \(tensor.shape)")
            }
            if used > 0 && used + bytes > shardSize {
                plan.append([])
                used = 0
            }
            guard shardOf.updateValue(plan.count - 1, forKey: tensor.name) == nil else {
                throw StorageError(.mismatch, file: directory, place: tensor.name, "is listed twice")
            }
            plan[plan.count - 1].append(tensor)
            used += bytes
            totalBytes += bytes
        }
        var shards: [(String, SafetensorsWriter)] = []
        for (index, tensors) in plan.enumerated() {
            let name = plan.count == 1 ? SafetensorsDirectory.singleName : "model-\(Self.padded(index + 1))-of-\(Self.padded(plan.count)).safetensors"
            shards.append((name, try SafetensorsWriter(path: directory + "/" + name, tensors: tensors, metadata: metadata)))
        }
        self.directory = directory
        self.shards = shards
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private func shard(_ name: String) throws(StorageError) -> SafetensorsWriter {
        guard let index = shardOf[name] else { throw StorageError(.mismatch, file: directory, place: name, "was not planned") }
        return shards[index].writer
    }

    package func write(_ name: String, _ values: UnsafeBufferPointer<Float>) throws(StorageError) { try shard(name).write(name, values) }
    package func write(_ name: String, _ values: [Float]) throws(StorageError) { try shard(name).write(name, values) }
    package func write(_ name: String, bytes: UnsafeRawBufferPointer) throws(StorageError) { try shard(name).write(name, bytes: bytes) }

    /// Finishes every shard and writes the index.
    package func finish() throws(StorageError) {
        for shard in shards { try shard.writer.finish() }
        guard shards.count > 1 else { return }
        let index: JSONValue = [
            "metadata": ["total_size": .int(totalBytes)],
            "weight_map": .object(shardOf.mapValues { .string(shards[$0].file) }),
        ]
        try FileSystem.writeAtomically(Array((index.text() + "\n").utf8), to: directory + "/" + SafetensorsDirectory.indexName)
    }
}
