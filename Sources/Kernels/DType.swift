/// Element type of a tensor.
///
/// `f32` and `bf16` are what training runs on; `f64` exists so that gradients can be checked against finite differences.
package enum DType: UInt8, Sendable, CaseIterable {
    case f32, f64, bf16

    /// Bytes an element takes.
    package var size: Int {
        switch self {
        case .f32: 4
        case .f64: 8
        case .bf16: 2
        }
    }

    /// The type sums, norms, losses and gradients of parameters are kept in when activations have this type.
    package var wide: DType { self == .f64 ? .f64 : .f32 }
}
