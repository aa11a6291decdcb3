import CShims

/// An n-dimensional array, row-major and contiguous. Copies share memory.
///
/// A tensor is written by whoever made it, before anyone else sees it, and never again: that is what makes it `Sendable`. The one
/// exception is an accumulator (a gradient, a parameter being updated), which has a single owner.
package struct Tensor: Sendable {
    package let shape: [Int]
    package let dtype: DType
    package private(set) var memory: Memory
    private let byteOffset: Int

    /// Contents undefined.
    package init(_ shape: [Int], _ dtype: DType) {
        self.shape = shape
        self.dtype = dtype
        memory = Memory(byteCount: shape.reduce(1, *) * dtype.size)
        byteOffset = 0
    }

    private init(_ shape: [Int], _ dtype: DType, _ memory: Memory, _ byteOffset: Int) {
        self.shape = shape
        self.dtype = dtype
        self.memory = memory
        self.byteOffset = byteOffset
    }

    /// A tensor over bytes that `lender` owns; nobody may write it.
    package init(_ shape: [Int], _ dtype: DType, lentBy lender: any MemoryLender, _ bytes: UnsafeRawBufferPointer) {
        self.init(shape, dtype, Memory(lentBy: lender, bytes), 0)
        precondition(bytes.count == byteCount, "Tensor: \(bytes.count) bytes for shape \(shape) of \(dtype)")
    }

    package static func zeros(_ shape: [Int], _ dtype: DType) -> Tensor {
        let t = Tensor(shape, dtype)
        t.base.initializeMemory(as: UInt8.self, repeating: 0, count: t.byteCount)
        return t
    }

    package init(_ values: [Float], _ shape: [Int]) {
        self.init(shape, .f32)
        precondition(values.count == count, "Tensor: \(values.count) values for shape \(shape)")
        values.withUnsafeBytes { base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: byteCount) }
    }

    package init(_ values: [Double], _ shape: [Int]) {
        self.init(shape, .f64)
        precondition(values.count == count, "Tensor: \(values.count) values for shape \(shape)")
        values.withUnsafeBytes { base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: byteCount) }
    }

    package var count: Int { shape.reduce(1, *) }
    package var byteCount: Int { count * dtype.size }
    package var rows: Int { shape.first ?? 1 }
    /// Elements of one index of the first dimension.
    package var rowCount: Int { shape.dropFirst().reduce(1, *) }

    package var base: UnsafeMutableRawPointer { memory.base + byteOffset }

    @inline(__always)
    package func pointer<T>(_ type: T.Type = T.self) -> UnsafeMutablePointer<T> {
        assert(MemoryLayout<T>.size == dtype.size)
        return base.assumingMemoryBound(to: T.self)
    }

    /// The same elements under another shape.
    package func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.reduce(1, *) == count, "reshaped: \(self.shape) to \(shape)")
        return Tensor(shape, dtype, memory, byteOffset)
    }

    /// Rows `range` of the first dimension, sharing memory.
    package func slice(_ range: Range<Int>) -> Tensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "slice: \(range) of \(shape)")
        return Tensor([range.count] + shape.dropFirst(), dtype, memory, byteOffset + range.lowerBound * rowCount * dtype.size)
    }

    /// Whether nobody else holds the memory, so that an accumulator may be written in place.
    package mutating func isUnique() -> Bool { isKnownUniquelyReferenced(&memory) }

    /// The tensor itself, or a copy where its bytes are only lent.
    package func writable() -> Tensor { memory.isLent ? copy() : self }

    package func copy() -> Tensor {
        let t = Tensor(shape, dtype)
        Parallel.copy(t.base, base, byteCount: byteCount)
        return t
    }

    /// The values as Float, whatever the type. For tests, files and printing.
    package func floats() -> [Float] {
        switch dtype {
        case .f32: Array(UnsafeBufferPointer(start: pointer(Float.self), count: count))
        case .f64: UnsafeBufferPointer(start: pointer(Double.self), count: count).map(Float.init)
        case .bf16: UnsafeBufferPointer(start: pointer(UInt16.self), count: count).map { Float(bitPattern: UInt32($0) << 16) }
        }
    }

    package func doubles() -> [Double] {
        dtype == .f64 ? Array(UnsafeBufferPointer(start: pointer(Double.self), count: count)) : floats().map(Double.init)
    }
}
