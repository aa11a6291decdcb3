import Basics
import Foundation

/// What a tensor to be written looks like.
package struct TensorDescription: Sendable, Hashable {
    package let name: String
    package let type: ElementType
    package let shape: [Int]

    /// - Parameter type: `.float32`, `.float16` or `.bfloat16`.
    package init(name: String, type: ElementType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// nil on overflow.
    package var byteCount: Int? { StoredTensor.elementCount(shape).flatMap { type.byteCount(elements: $0) } }
}

/// Writes one `.safetensors` file tensor by tensor, in any order, without holding more than a few kilobytes.
package final class SafetensorsWriter {
    package let path: String
    private let file: WritableFile
    private var pending: [String: (description: TensorDescription, offset: Int)] = [:]

    /// Creates the file and writes its header.
    package init(
        path: String, tensors: [TensorDescription], metadata: [String: String] = ["format": "pt"]
    ) throws(StorageError) {
        self.path = path
        // Wider elements first keeps every tensor aligned, as the reference writer does.
        let ordered = tensors.enumerated().sorted { ($1.element.type.bytesPerBlock, $0.offset) < ($0.element.type.bytesPerBlock, $1.offset) }
        var header: [String: JSONValue] = ["__metadata__": .object(metadata.mapValues { .string($0) })]
        var offset = 0
        for (_, tensor) in ordered {
            guard [.float32, .float16, .bfloat16].contains(tensor.type), let bytes = tensor.byteCount else {
                throw StorageError(.unsupported, file: path, place: tensor.name, "cannot be written as \(tensor.type) \(tensor.shape)")
            }
            let entry: JSONValue = [
                "dtype": .string(tensor.type.name), "shape": .array(tensor.shape.map { .int($0) }),
                "data_offsets": [.int(offset), .int(offset + bytes)],
            ]
            guard header.updateValue(entry, forKey: tensor.name) == nil else {
                throw StorageError(.mismatch, file: path, place: tensor.name, "is listed twice")
            }
            pending[tensor.name] = (tensor, offset)
            offset += bytes
        }
        var text = Array(JSONValue.object(header).text(indented: false).utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        let start = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        pending = pending.mapValues { ($0.description, $0.offset + start.count) }
        file = try WritableFile(creating: path)
        try start.withRawBytes { (raw) throws(StorageError) in try file.write(raw, at: 0) }
    }

    /// Writes a tensor from floats, converted to its type.
    package func write(_ name: String, _ values: UnsafeBufferPointer<Float>) throws(StorageError) {
        let (tensor, offset) = try take(name, elements: values.count)
        if tensor.type == .float32 {
            return try file.write(UnsafeRawBufferPointer(values), at: offset)
        }
        let piece = min(1 << 16, values.count)
        var buffer = [UInt16](repeating: 0, count: piece)
        var done = 0
        while done < values.count {
            let count = min(piece, values.count - done)
            if tensor.type == .bfloat16 {
                for index in 0..<count { buffer[index] = FloatFormats.bfloat16(values[done + index]) }
            } else {
                for index in 0..<count { buffer[index] = FloatFormats.half(values[done + index]) }
            }
            try buffer.withRawBytes { (raw) throws(StorageError) in
                try file.write(UnsafeRawBufferPointer(rebasing: raw[..<(count * 2)]), at: offset + done * 2)
            }
            done += count
        }
    }

    package func write(_ name: String, _ values: [Float]) throws(StorageError) {
        try values.withUnsafeBufferPointer { (buffer) throws(StorageError) in try write(name, buffer) }
    }

    /// Writes a tensor whose bytes are already in its type.
    package func write(_ name: String, bytes: UnsafeRawBufferPointer) throws(StorageError) {
        guard let width = pending[name]?.description.type.bytesPerBlock, bytes.count % width == 0 else {
            throw StorageError(.mismatch, file: path, place: name, "\(bytes.count) bytes do not fit this tensor")
        }
        let (_, offset) = try take(name, elements: bytes.count / width)
        try file.write(bytes, at: offset)
    }

    private func take(_ name: String, elements: Int) throws(StorageError) -> (TensorDescription, Int) {
        guard let entry = pending[name] else {
            throw StorageError(.mismatch, file: path, place: name, "is not in the header, or was written already")
        }
        guard StoredTensor.elementCount(entry.description.shape) == elements else {
            throw StorageError(.mismatch, file: path, place: name, "\(elements) elements do not fill the shape \(entry.description.shape)")
        }
        pending[name] = nil
        return entry
    }

    /// Makes the file durable. Every tensor must have been written.
    package func finish() throws(StorageError) {
        let missing = pending.filter { $0.value.description.byteCount != 0 }.keys.sorted()
        guard missing.isEmpty else {
            throw StorageError(.missing, file: path, "\(missing.count) tensors were not written, the first is \(missing[0])")
        }
        try file.close(syncing: true)
    }
}
