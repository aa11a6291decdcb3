/// `Float` or `Double`: the routines of BLAS and LAPACK at one precision.
///
/// The requirements are the bare calls, column-major where LAPACK is meant; use the checked functions of
/// ``LinearAlgebra`` instead.
package protocol LinearAlgebraScalar: BinaryFloatingPoint, BitwiseCopyable, Codable, Sendable {
    /// `d` or `s`, the letter that LAPACK's names start with at this precision.
    static var routinePrefix: String { get }

    /// Row-major C = alpha op(A) op(B) + beta C.
    static func blasGEMM(
        _ transA: Bool, _ transB: Bool, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Self,
        _ a: UnsafePointer<Self>, _ lda: Int32, _ b: UnsafePointer<Self>, _ ldb: Int32, _ beta: Self,
        _ c: UnsafeMutablePointer<Self>, _ ldc: Int32)
    /// Row-major B := L^-1 B, or L^-T B when `transposed`, with L lower triangular.
    static func blasTRSM(
        transposed: Bool, _ m: Int32, _ n: Int32, _ l: UnsafePointer<Self>, _ ldl: Int32,
        _ b: UnsafeMutablePointer<Self>, _ ldb: Int32)
    /// Column-major B := B L^-1 with L lower triangular and ones on its diagonal, which are not looked at; B is [m, n].
    static func blasTRSMUnitRight(
        _ m: Int32, _ n: Int32, _ l: UnsafePointer<Self>, _ ldl: Int32, _ b: UnsafeMutablePointer<Self>, _ ldb: Int32)

    static func lapackGESDD(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ s: UnsafeMutablePointer<Self>,
        _ u: UnsafeMutablePointer<Self>, _ vt: UnsafeMutablePointer<Self>, _ work: UnsafeMutablePointer<Self>,
        _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>) -> Int32
    static func lapackGESVD(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ s: UnsafeMutablePointer<Self>,
        _ u: UnsafeMutablePointer<Self>, _ vt: UnsafeMutablePointer<Self>, _ work: UnsafeMutablePointer<Self>,
        _ workCount: Int32) -> Int32
    static func lapackGEQRF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32) -> Int32
    static func lapackORGQR(
        _ m: Int32, _ n: Int32, _ k: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32) -> Int32
    static func lapackGELQF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ tau: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32) -> Int32
    static func lapackORGLQ(
        _ m: Int32, _ n: Int32, _ k: Int32, _ a: UnsafeMutablePointer<Self>, _ lda: Int32,
        _ tau: UnsafePointer<Self>, _ work: UnsafeMutablePointer<Self>, _ workCount: Int32) -> Int32
    static func lapackGETRF(
        _ m: Int32, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ swaps: UnsafeMutablePointer<Int32>) -> Int32
    static func lapackPOTRF(_ n: Int32, _ a: UnsafeMutablePointer<Self>) -> Int32
    static func lapackPOTRS(
        _ n: Int32, _ count: Int32, _ a: UnsafePointer<Self>, _ b: UnsafeMutablePointer<Self>) -> Int32
    static func lapackPOCON(
        _ n: Int32, _ a: UnsafePointer<Self>, _ norm: Self, _ reciprocal: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ integers: UnsafeMutablePointer<Int32>) -> Int32
    static func lapackSYEVD(
        vectors: Bool, _ n: Int32, _ a: UnsafeMutablePointer<Self>, _ w: UnsafeMutablePointer<Self>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>,
        _ integerCount: Int32) -> Int32

    /// The eigenvectors `first`...`last`, counted from 1 in rising order; `z` is [last - first + 1, n].
    static func lapackSYEVR(
        _ n: Int32, _ a: UnsafeMutablePointer<Self>, first: Int32, last: Int32, _ found: UnsafeMutablePointer<Int32>,
        _ w: UnsafeMutablePointer<Self>, _ z: UnsafeMutablePointer<Self>, _ support: UnsafeMutablePointer<Int32>,
        _ work: UnsafeMutablePointer<Self>, _ workCount: Int32, _ integers: UnsafeMutablePointer<Int32>,
        _ integerCount: Int32) -> Int32

    /// The index of the first NaN or infinity.
    static func firstNotFinite(_ values: [Self]) -> Int?
    /// The sum of squares, accumulated in double precision in a fixed order.
    static func sumOfSquares(_ values: UnsafeBufferPointer<Self>) -> Double
    /// The sum of x_j y_j, accumulated in double precision in a fixed order.
    static func dot(_ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>, count: Int) -> Double
    /// The sum of absolute values.
    static func absoluteSum(_ values: UnsafePointer<Self>, count: Int32) -> Self
    /// x := factor x.
    static func scale(_ values: UnsafeMutableBufferPointer<Self>, by factor: Self)
    /// y := y + factor x over `count` elements.
    static func add(
        _ x: UnsafePointer<Self>, scaledBy factor: Self, to y: UnsafeMutablePointer<Self>, count: Int)
    /// x := x factors, element by element.
    static func multiply(_ x: UnsafeMutablePointer<Self>, by factors: UnsafePointer<Self>, count: Int)
    /// Copies to double precision.
    static func widen(_ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Double>, count: Int)
    /// Copies from double precision, rounding to nearest.
    static func narrow(_ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Self>, count: Int)
}
