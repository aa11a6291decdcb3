extension LinearAlgebra {
    /// C := alpha op(A) op(B) + beta C for row-major matrices, on the calling thread.
    ///
    /// - Parameters:
    ///   - transposeA: op(A) is the transpose; A is then stored [k, m], else [m, k].
    ///   - transposeB: op(B) is the transpose; B is then stored [n, k], else [k, n].
    ///   - m: rows of C. `n`: columns of C. `k`: length of the contracted dimension.
    ///   - lda: elements from one stored row of A to the next; likewise `ldb`, `ldc`. Packed when nil.
    ///
    /// Cost: 2 m n k floating-point operations.
    package static func gemm<S: LinearAlgebraScalar>(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: S = 1,
        _ a: UnsafePointer<S>, lda: Int? = nil, _ b: UnsafePointer<S>, ldb: Int? = nil, beta: S = 0,
        _ c: UnsafeMutablePointer<S>, ldc: Int? = nil
    ) {
        let widthA = transposeA ? m : k
        let widthB = transposeB ? k : n
        let strideA = lda ?? max(widthA, 1)
        let strideB = ldb ?? max(widthB, 1)
        let strideC = ldc ?? max(n, 1)
        precondition(
            m >= 0 && n >= 0 && k >= 0 && strideA >= widthA && strideB >= widthB && strideC >= n,
            "gemm: C [\(m), \(n)] over k = \(k) with leading dimensions \(strideA), \(strideB), \(strideC)")
        precondition(
            [m, n, k, strideA, strideB, strideC].allSatisfy { $0 <= Int(Int32.max) },
            "gemm: C [\(m), \(n)] over k = \(k) exceeds 32-bit integers")
        if m == 0 || n == 0 { return }
        prepare()
        S.blasGEMM(
            transposeA, transposeB, Int32(m), Int32(n), Int32(k), alpha, a, Int32(strideA), b, Int32(strideB), beta, c,
            Int32(strideC))
    }

    /// op(A) op(B) as a new packed row-major array.
    package static func product<S: LinearAlgebraScalar>(
        transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, _ a: [S], _ b: [S]
    ) -> [S] {
        precondition(
            a.count == m * k && b.count == k * n,
            "product [\(m), \(k)] x [\(k), \(n)]: \(a.count) and \(b.count) values")
        return [S](unsafeUninitializedCapacity: m * n) { room, count in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    if let left = a.baseAddress, let right = b.baseAddress, let target = room.baseAddress {
                        gemm(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, left, right, target)
                    } else {
                        room.update(repeating: 0)
                    }
                }
            }
            count = m * n
        }
    }
}
