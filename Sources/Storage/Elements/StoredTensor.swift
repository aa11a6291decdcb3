import Basics

/// One tensor inside a mapped file: what it is and where its bytes lie (checked when the file was opened).
package struct StoredTensor: Sendable {
    package let name: String
    package let type: ElementType
    /// Outermost dimension first, as PyTorch shows it: a linear layer's weight is [out, in].
    package let shape: [Int]
    /// Product of `shape`.
    package let elementCount: Int
    /// Byte range in the file.
    package let range: Range<Int>

    /// Rows of `elementCount / shape[0]` elements; a vector has rows of one element.
    var rowCount: Int { shape.first ?? 1 }
}

extension StoredTensor {
    /// Product of the dimensions, nil on overflow or a negative one.
    static func elementCount(_ shape: [Int]) -> Int? {
        var product = 1
        for dimension in shape {
            guard dimension >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            // A later zero must not hide an overflow before it.
            if overflow { return nil }
            product = next
        }
        return product
    }
}

/// Reads the tensors of one mapped file as numbers.
struct TensorReader: Sendable {
    let file: MappedFile

    func bytes(_ tensor: StoredTensor) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[tensor.range])
    }

    /// Bytes usable in place: unquantised and aligned for their type.
    func mapped(_ tensor: StoredTensor) -> UnsafeRawBufferPointer? {
        guard tensor.type.elementsPerBlock == 1 else { return nil }
        let bytes = bytes(tensor)
        guard let start = bytes.baseAddress, Int(bitPattern: start) % tensor.type.bytesPerBlock == 0 else { return nil }
        return bytes
    }

    private func codec(_ tensor: StoredTensor, count: Int) throws(StorageError) -> ElementType.Codec {
        guard let codec = tensor.type.codec else {
            throw StorageError(.unsupported, file: file.path, place: tensor.name, tensor.type.refusal)
        }
        guard count == tensor.elementCount else {
            throw StorageError(
                .mismatch, file: file.path, place: tensor.name,
                "has \(tensor.elementCount) elements (shape \(tensor.shape)), but a buffer of \(count) was given")
        }
        return codec
    }

    /// Throws where a number is NaN or infinite.
    ///
    /// - Parameters:
    ///   - name: under which the tensor is known.
    ///   - sourceRow: as of `read`.
    func requireFinite(_ tensor: StoredTensor, name: String, sourceRow: ((Int) -> Int)? = nil) throws(StorageError) {
        let codec = try codec(tensor, count: tensor.elementCount)
        guard let source = bytes(tensor).baseAddress, let stored = NonFinite.first(codec, tensor.type, source, count: tensor.elementCount) else { return }
        var values = [Float](repeating: 0, count: tensor.type.elementsPerBlock)
        let block = stored / values.count
        Dequantize.decode(codec, source + block * tensor.type.bytesPerBlock, count: values.count, into: &values)
        let width = tensor.elementCount / tensor.rowCount
        let row = sourceRow.map { source in (0..<tensor.rowCount).first { source($0) == stored / width }! } ?? stored / width
        let wide = codec == .float64 ? (source + stored * 8).loadUnaligned(as: Double.self) : nil
        throw StorageError.nonFinite(
            name, shape: tensor.shape, index: row * width + stored % width, value: values[stored % values.count], stored: wide, file: file.path)
    }

    /// - Parameter sourceRow: which stored row becomes row r; nil: the same order.
    func read(
        _ tensor: StoredTensor, into target: UnsafeMutableBufferPointer<Float>, sourceRow: ((Int) -> Int)? = nil
    ) throws(StorageError) {
        let codec = try codec(tensor, count: target.count)
        guard let out = target.baseAddress, let source = bytes(tensor).baseAddress, tensor.elementCount > 0 else { return }
        if let sourceRow {
            let width = tensor.elementCount / tensor.rowCount
            let stride = tensor.range.count / tensor.rowCount
            for row in 0..<tensor.rowCount {
                Dequantize.decode(codec, source + sourceRow(row) * stride, count: width, into: out + row * width)
            }
        } else {
            Dequantize.decode(codec, source, count: tensor.elementCount, into: out)
        }
        try file.requireUnchanged()
        file.release(bytes(tensor))
    }

    /// As `read`, each element rounded to the nearest bf16 (ties to even).
    func readBFloat16(
        _ tensor: StoredTensor, into target: UnsafeMutableBufferPointer<UInt16>, sourceRow: ((Int) -> Int)? = nil
    ) throws(StorageError) {
        let codec = try codec(tensor, count: target.count)
        guard let source = bytes(tensor).baseAddress, tensor.elementCount > 0 else { return }
        let rows = sourceRow == nil ? 1 : tensor.rowCount
        let width = tensor.elementCount / rows
        let stride = tensor.range.count / rows
        for row in 0..<rows {
            let from = source + (sourceRow?(row) ?? row) * stride
            let out = UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width])
            if codec == .bfloat16 {
                UnsafeMutableRawBufferPointer(out).copyMemory(from: UnsafeRawBufferPointer(start: from, count: stride))
            } else {
                Self.round(codec, tensor.type, from, into: out)
            }
        }
        try file.requireUnchanged()
        file.release(bytes(tensor))
    }

    private static func round(
        _ codec: ElementType.Codec, _ type: ElementType, _ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<UInt16>
    ) {
        let piece = 4096  // a multiple of every block size, small enough for the first-level cache
        withUnsafeTemporaryAllocation(of: Float.self, capacity: piece) { buffer in
            var done = 0
            while done < target.count {
                let count = min(piece, target.count - done)
                let from = source + done / type.elementsPerBlock * type.bytesPerBlock
                Dequantize.decode(codec, from, count: count, into: buffer.baseAddress!)
                FloatFormats.round(buffer.baseAddress!, into: UnsafeMutableBufferPointer(rebasing: target[done..<done + count]))
                done += count
            }
        }
    }
}
