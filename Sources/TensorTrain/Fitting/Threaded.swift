import Kernels

/// Products and reorderings of flat arrays over all workers; the work is cut by shape, so the bits do not depend on how
/// many there are. Inside a parallel loop they run on the calling worker.
enum Threaded {
    /// op(A) op(B), row-major [m, n], with sums over k in the scalars' own precision.
    static func product<S: LinearAlgebraScalar>(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, _ a: [S], _ b: [S]
    ) -> [S] {
        precondition(
            a.count == m * k && b.count == k * n, "product [\(m), \(k)] x [\(k), \(n)]: \(a.count) and \(b.count) values")
        return filled(m * n) { result in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    GEMM.run(
                        m: m, n: n, k: k,
                        GEMM.Operand(a.baseAddress!, stride: transposeA ? m : k, transposed: transposeA),
                        GEMM.Operand(b.baseAddress!, stride: transposeB ? k : n, transposed: transposeB),
                        inputs: dtype(S.self), into: result, stride: n, output: dtype(S.self))
                }
            }
        }
    }

    /// The array with its axes reordered: axis a of the result is axis `order[a]` of a source of this shape.
    static func reordered<S: LinearAlgebraScalar>(_ values: [S], shape: [Int], order: [Int]) -> [S] {
        let permutation = AxisPermutation(shape: shape, order: order)
        precondition(permutation.count == values.count, "\(values.count) values for \(shape)")
        // Pieces are of equal size; a task takes enough of them to be worth a thread.
        let block = max(1, permutation.pieces * (1 << 16) / max(values.count, 1))
        return filled(values.count) { result in
            let to = Address(UnsafeMutableRawPointer(result))
            values.withUnsafeBytes { source in
                let from = Address(source.baseAddress!)
                Parallel.forBlocks(of: permutation.pieces, block: block) { part in
                    permutation.apply(
                        from: UnsafePointer(from.raw.assumingMemoryBound(to: S.self)),
                        to: to.raw.assumingMemoryBound(to: S.self), pieces: part)
                }
            }
        }
    }

    /// An array that `body` writes completely.
    static func filled<S>(_ count: Int, _ body: (UnsafeMutablePointer<S>) -> Void) -> [S] {
        [S](unsafeUninitializedCapacity: count) { room, initialized in
            if count > 0 { body(room.baseAddress!) }
            initialized = count
        }
    }

    static func dtype<S: LinearAlgebraScalar>(_: S.Type) -> DType { S.self == Float.self ? .f32 : .f64 }
}

/// The sum of a_j b_j in double precision, in a fixed order.
func dot<S: LinearAlgebraScalar>(_ a: [S], _ b: [S]) -> Double {
    precondition(a.count == b.count, "dot: \(a.count) and \(b.count) values")
    return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in a.isEmpty ? 0 : S.dot(a.baseAddress!, b.baseAddress!, count: a.count) }
    }
}

extension LinearAlgebraScalar {
    /// The values in another precision, rounded to nearest.
    static func converted<Other: LinearAlgebraScalar>(_ values: [Other]) -> [Self] {
        if let same = values as? [Self] { return same }
        var wide = [Double](repeating: 0, count: values.count)
        Other.widen(values, to: &wide, count: values.count)
        if let wide = wide as? [Self] { return wide }
        return Threaded.filled(values.count) { narrow(wide, to: $0, count: wide.count) }
    }
}
