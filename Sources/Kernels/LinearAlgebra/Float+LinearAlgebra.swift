import COpenBLAS

extension Float: LinearAlgebraScalar {
    package static var routinePrefix: String { "s" }

    package static func blasGEMM(
        _ transA: Bool, _ transB: Bool, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Self,
        _ a: UnsafePointer<Self>, _ lda: Int32, _ b: UnsafePointer<Self>, _ ldb: Int32, _ beta: Self,
        _ c: UnsafeMutablePointer<Self>, _ ldc: Int32
    ) {
        cblas_sgemm(
            CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans,
            m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    }

    package static func blasTRSM(
        transposed: Bool, _ m: Int32, _ n: Int32, _ l: UnsafePointer<Self>, _ ldl: Int32,
        _ b: UnsafeMutablePointer<Self>, _ ldb: Int32
    ) {
        cblas_strsm(
            CblasRowMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
            m, n, 1, l, ldl, b, ldb)
    }

    package static func blasTRSMUnitRight(
        _ m: Int32, _ n: Int32, _ l: UnsafePointer<Self>, _ ldl: Int32, _ b: UnsafeMutablePointer<Self>, _ ldb: Int32
    ) {
        cblas_strsm(CblasColMajor, CblasRight, CblasLower, CblasNoTrans, CblasUnit, m, n, 1, l, ldl, b, ldb)
    }

    package static func lapackGESDD(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ s: UnsafeMutablePointer<Self>,
        _ u: UnsafeMutablePointer<Self>, _ vt: UnsafeMutablePointer<Self>, _ work: UnsafeMutablePointer<Self>,
        _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_sgesdd_work(
            LAPACK_COL_MAJOR, .thin, m, n, a, m, s, u, m, vt, min(m, n), work, workCount, integers)
    }

    package static func lapackGESVD(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ s: UnsafeMutablePointer<Self>,
        _ u: UnsafeMutablePointer<Self>, _ vt: UnsafeMutablePointer<Self>, _ work: UnsafeMutablePointer<Self>,
        _ workCount: Int32
    ) -> Int32 {
        LAPACKE_sgesvd_work(
            LAPACK_COL_MAJOR, .thin, .thin, m, n, a, m, s, u, m, vt, min(m, n), work, workCount)
    }

    package static func lapackGEQRF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32
    ) -> Int32 {
        LAPACKE_sgeqrf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, work, workCount)
    }

    package static func lapackORGQR(
        _ m: Int32, _ n: Int32, _ k: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32
    ) -> Int32 {
        LAPACKE_sorgqr_work(LAPACK_COL_MAJOR, m, n, k, a, m, tau, work, workCount)
    }

    package static func lapackGELQF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32
    ) -> Int32 {
        LAPACKE_sgelqf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, work, workCount)
    }

    package static func lapackORGLQ(
        _ m: Int32, _ n: Int32, _ k: Int32, _ a: UnsafeMutablePointer<Self>, _ lda: Int32,
        _ tau: UnsafePointer<Self>, _ work: UnsafeMutablePointer<Self>, _ workCount: Int32
    ) -> Int32 {
        LAPACKE_sorglq_work(LAPACK_COL_MAJOR, m, n, k, a, lda, tau, work, workCount)
    }

    package static func lapackGETRF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ swaps: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_sgetrf_work(LAPACK_COL_MAJOR, m, n, a, m, swaps)
    }

    package static func lapackPOTRF(_ n: Int32, _ a: UnsafeMutablePointer<Self>) -> Int32 {
        LAPACKE_spotrf_work(LAPACK_COL_MAJOR, .upper, n, a, n)
    }

    package static func lapackPOTRS(
        _ n: Int32, _ count: Int32, _ a: UnsafePointer<Self>, _ b: UnsafeMutablePointer<Self>
    ) -> Int32 {
        LAPACKE_spotrs_work(LAPACK_COL_MAJOR, .upper, n, count, a, n, b, n)
    }

    package static func lapackPOCON(
        _ n: Int32, _ a: UnsafePointer<Self>, _ norm: Self, _ reciprocal: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ integers: UnsafeMutablePointer<Int32>
    ) -> Int32 {
        LAPACKE_spocon_work(LAPACK_COL_MAJOR, .upper, n, a, n, norm, reciprocal, work, integers)
    }

    package static func lapackSYEVD(
        vectors: Bool, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ w: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>,
        _ integerCount: Int32
    ) -> Int32 {
        LAPACKE_ssyevd_work(
            LAPACK_COL_MAJOR, vectors ? .vectors : .valuesOnly, .upper, n, a, n, w, work, workCount, integers, integerCount)
    }

    package static func lapackSYEVR(
        _ n: Int32, _ a: UnsafeMutablePointer<Self>, first: Int32, last: Int32, _ found: UnsafeMutablePointer<Int32>,
        _ w: UnsafeMutablePointer<Self>, _ z: UnsafeMutablePointer<Self>, _ support: UnsafeMutablePointer<Int32>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>,
        _ integerCount: Int32
    ) -> Int32 {
        LAPACKE_ssyevr_work(
            LAPACK_COL_MAJOR, .vectors, .byIndex, .upper, n, a, n, 0, 0, first, last, 0, found, w, z, n, support, work, workCount,
            integers, integerCount)
    }

    package static func firstNotFinite(_ values: [Self]) -> Int? { ScalarLoops.firstNotFinite(values) }

    package static func sumOfSquares(_ values: UnsafeBufferPointer<Self>) -> Double {
        ScalarLoops.sumOfSquares(values)
    }

    package static func dot(_ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>, count: Int) -> Double {
        ScalarLoops.dot(x, y, count: count)
    }

    package static func absoluteSum(_ values: UnsafePointer<Self>, count: Int32) -> Self {
        cblas_sasum(count, values, 1)
    }

    package static func scale(_ values: UnsafeMutableBufferPointer<Self>, by factor: Self) {
        ScalarLoops.scale(values, by: factor)
    }

    package static func add(
        _ x: UnsafePointer<Self>, scaledBy factor: Self, to y: UnsafeMutablePointer<Self>, count: Int
    ) {
        ScalarLoops.add(x, scaledBy: factor, to: y, count: count)
    }

    package static func multiply(_ x: UnsafeMutablePointer<Self>, by factors: UnsafePointer<Self>, count: Int) {
        ScalarLoops.multiply(x, by: factors, count: count)
    }

    package static func widen(_ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Double>, count: Int) {
        ScalarLoops.convert(x, to: y, count: count)
    }

    package static func narrow(_ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Self>, count: Int) {
        ScalarLoops.convert(x, to: y, count: count)
    }
}
