import COpenBLAS
import CShims

/// Matrix products: oneDNN for float32 and bfloat16, OpenBLAS for Double and where oneDNN has no fast kernel.
package enum GEMM {
    /// Whether bfloat16 products run on the processor's own instructions.
    package static let hasFastBFloat16 = heal_gemm_is_fast(Int32(HEAL_BF16)) == 1
    /// Whether there are bfloat16 products, be they slow.
    package static let hasBFloat16 = heal_gemm_exists(Int32(HEAL_BF16)) == 1
    private static let hasFastFloat = heal_gemm_is_fast(Int32(HEAL_F32)) == 1

    /// One matrix as it lies in memory: address of its first element, elements between rows, whether it enters transposed.
    package struct Operand {
        package var base: UnsafeRawPointer
        package var stride: Int
        package var transposed: Bool
        package init(_ base: UnsafeRawPointer, stride: Int, transposed: Bool = false) {
            self.base = base
            self.stride = stride
            self.transposed = transposed
        }
    }

    /// C[m,n] (+)= op(A)[m,k] op(B)[k,n] on the calling thread.
    ///
    /// `inputs` is the type of A and B, `output` that of C: the same, or float32 for bfloat16 inputs. Sums are float32 (Double for f64).
    package static func single(
        m: Int, n: Int, k: Int, _ a: Operand, _ b: Operand, inputs: DType,
        into c: UnsafeMutableRawPointer, stride ldc: Int, output: DType, accumulate: Bool = false
    ) {
        guard m > 0, n > 0 else { return }
        if inputs == .f64 || (inputs == .f32 && !hasFastFloat) || k == 0 {
            precondition(k == 0 || output == inputs, "GEMM: \(inputs) inputs give \(inputs), not \(output)")
            blas(m: m, n: n, k: k, a, b, inputs, c, ldc, accumulate)
            return
        }
        var shape = heal_gemm_shape(
            m: Int64(m), n: Int64(n), k: Int64(k), lda: Int64(a.stride), ldb: Int64(b.stride), ldc: Int64(ldc),
            transpose_a: a.transposed ? 1 : 0, transpose_b: b.transposed ? 1 : 0,
            input_type: Int32(inputs == .bf16 ? HEAL_BF16 : HEAL_F32),
            output_type: Int32(output == .bf16 ? HEAL_BF16 : HEAL_F32), accumulate: accumulate ? 1 : 0)
        let status = heal_gemm(&shape, a.base, b.base, c)
        precondition(status == 0, "oneDNN refused a \(inputs) product of \(m) x \(n) x \(k): status \(status)")
    }

    private static func blas(
        m: Int, n: Int, k: Int, _ a: Operand, _ b: Operand, _ type: DType, _ c: UnsafeMutableRawPointer, _ ldc: Int, _ accumulate: Bool
    ) {
        let ta = a.transposed ? CblasTrans : CblasNoTrans, tb = b.transposed ? CblasTrans : CblasNoTrans
        if type == .f64 {
            cblas_dgemm(
                CblasRowMajor, ta, tb, Int32(m), Int32(n), Int32(k), 1, a.base.assumingMemoryBound(to: Double.self), Int32(a.stride),
                b.base.assumingMemoryBound(to: Double.self), Int32(b.stride), accumulate ? 1 : 0,
                c.assumingMemoryBound(to: Double.self), Int32(ldc))
        } else {
            cblas_sgemm(
                CblasRowMajor, ta, tb, Int32(m), Int32(n), Int32(k), 1, a.base.assumingMemoryBound(to: Float.self), Int32(a.stride),
                b.base.assumingMemoryBound(to: Float.self), Int32(b.stride), accumulate ? 1 : 0,
                c.assumingMemoryBound(to: Float.self), Int32(ldc))
        }
    }

    /// Terms of a sum that one call takes.
    private static let longestSum = 4096

    /// How a product's output is cut into pieces for the workers: about `piece` rows each, columns only when rows are few.
    struct Tiling {
        let rows: Int, columns: Int, m: Int, n: Int
        init(m: Int, n: Int) {
            self.m = m
            self.n = n
            // Pieces of 128 to 256 rows run at full speed; an even number of equal ones keeps two, four or eight workers busy. Few rows are left
            // whole and columns cut.
            var pieces = (m + 255) / 256
            if pieces > 1, pieces % 2 == 1 { pieces += 1 }
            let cuts = pieces > 1 ? 1 : min(8, n / 256 / 2 * 2)
            if cuts == 0, m >= 64 { pieces = 2 }
            rows = max(1, min(m, ((m + pieces - 1) / pieces + 15) / 16 * 16))
            columns = cuts > 1 ? ((n + cuts - 1) / cuts + 15) / 16 * 16 : n > 8192 ? 4096 : max(n, 1)
        }
        var rowPieces: Int { (m + rows - 1) / rows }
        var columnPieces: Int { (n + columns - 1) / columns }
        var count: Int { rowPieces * columnPieces }
        func piece(_ i: Int) -> (rows: Range<Int>, columns: Range<Int>) {
            let r = i / columnPieces * rows, c = i % columnPieces * columns
            return (r..<min(m, r + rows), c..<min(n, c + columns))
        }
    }

    /// C[m,n] (+)= op(A) op(B) over all workers, cut by output tiles.
    package static func run(
        m: Int, n: Int, k: Int, _ a: Operand, _ b: Operand, inputs: DType,
        into c: UnsafeMutableRawPointer, stride ldc: Int, output: DType, accumulate: Bool = false
    ) {
        if m <= thinRows, k > 0, !a.transposed, b.transposed, inputs != .f64 {
            return thin(m: m, n: n, k: k, a, b, inputs: inputs, into: c, stride: ldc, output: output, accumulate: accumulate)
        }
        let tiling = Tiling(m: m, n: n)
        let aBase = Address(a.base), bBase = Address(b.base), cBase = Address(c)
        let (aStride, bStride, aT, bT) = (a.stride, b.stride, a.transposed, b.transposed)
        Parallel.forEach(tiling.count) { i in
            let (rows, columns) = tiling.piece(i)
            let target = cBase.raw + (rows.lowerBound * ldc + columns.lowerBound) * output.size
            // A long sum goes in parts, so that the part of B in use stays in cache; only a wide output can take partial sums.
            let part = output == inputs.wide ? longestSum : k
            for start in stride(from: 0, to: max(k, 1), by: max(part, 1)) {
                let length = min(k - start, part)
                let aOffset = aT ? start * aStride + rows.lowerBound : rows.lowerBound * aStride + start
                let bOffset = bT ? columns.lowerBound * bStride + start : start * bStride + columns.lowerBound
                single(
                    m: rows.count, n: columns.count, k: length,
                    Operand(aBase.raw + aOffset * inputs.size, stride: aStride, transposed: aT),
                    Operand(bBase.raw + bOffset * inputs.size, stride: bStride, transposed: bT),
                    inputs: inputs, into: target, stride: ldc, output: output, accumulate: accumulate || start > 0)
            }
        }
    }

    /// Up to so many rows a product waits for memory, and B is best read as it lies.
    private static let thinRows = 4
    /// Elements of B that are worth waking a worker for.
    private static let thinPiece = 1 << 17

    /// A B^T of a few rows: each worker takes rows of B.
    private static func thin(
        m: Int, n: Int, k: Int, _ a: Operand, _ b: Operand, inputs: DType, into c: UnsafeMutableRawPointer, stride ldc: Int, output: DType, accumulate: Bool
    ) {
        let x = Address(a.base), w = Address(b.base), y = Address(c), (xStride, wStride) = (a.stride, b.stride)
        Parallel.forBlocks(of: n, block: max((n + 15) / 16, (thinPiece + k - 1) / k + 3) / 4 * 4) { columns in
            let count = columns.count, add: Int32 = accumulate ? 1 : 0
            let w = w.raw + columns.lowerBound * wStride * inputs.size, y = y.raw + columns.lowerBound * output.size
            switch (inputs, output) {
            case (.bf16, .bf16): heal_thin_product_bf16(m, count, k, x.raw.bf16, xStride, w.bf16, wStride, y.bf16, ldc, add)
            case (.bf16, _): heal_thin_product_wide_bf16(m, count, k, x.raw.bf16, xStride, w.bf16, wStride, y.f32, ldc, add)
            default: heal_thin_product_f32(m, count, k, x.raw.f32, xStride, w.f32, wStride, y.f32, ldc, add)
            }
        }
    }

    /// op(A) op(B) of two matrices given as tensors (leading dimensions flattened to `rows`), over all workers.
    ///
    /// - Parameters:
    ///   - a: [m, k], or [k, m] when `transposeA`.
    ///   - b: [k, n], or [n, k] when `transposeB`.
    ///   - c: where the product goes; its type is the inputs' own or their wide type.
    package static func multiply(
        _ a: Tensor, transposeA: Bool = false, _ b: Tensor, transposeB: Bool = false, into c: Tensor, accumulate: Bool = false
    ) {
        precondition(a.dtype == b.dtype, "GEMM: \(a.dtype) times \(b.dtype)")
        let (ar, ac) = (a.rows, a.rowCount), (br, bc) = (b.rows, b.rowCount)
        let m = transposeA ? ac : ar, k = transposeA ? ar : ac, n = transposeB ? br : bc
        precondition(k == (transposeB ? bc : br) && c.count == m * n, "GEMM: \(a.shape) times \(b.shape) into \(c.shape)")
        run(
            m: m, n: n, k: k, Operand(a.base, stride: ac, transposed: transposeA), Operand(b.base, stride: bc, transposed: transposeB),
            inputs: a.dtype, into: c.base, stride: n, output: c.dtype, accumulate: accumulate)
    }
}
