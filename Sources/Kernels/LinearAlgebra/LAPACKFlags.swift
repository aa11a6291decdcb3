/// The option letters of LAPACK that the wrappers use.
extension CChar {
    /// Singular vectors: the first min(m, n) of each side.
    static let thin = CChar(UInt8(ascii: "S"))
    /// Eigenvectors wanted.
    static let vectors = CChar(UInt8(ascii: "V"))
    /// Eigenvalues without vectors.
    static let valuesOnly = CChar(UInt8(ascii: "N"))
    /// Eigenvalues by their number.
    static let byIndex = CChar(UInt8(ascii: "I"))
    /// The upper triangle in column-major order, which is the lower one of a row-major matrix.
    static let upper = CChar(UInt8(ascii: "U"))
}
