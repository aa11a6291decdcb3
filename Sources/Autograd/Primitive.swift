import Kernels

/// One differentiable operation: what it computes and, beside it, how cotangents flow back.
///
/// Primitives are values without numbers: sizes, switches, index lists. Tensors come in as inputs. Every primitive works in f32,
/// f64 and, where `bf16` activations make sense, bf16.
package protocol Primitive: Sendable {
    /// Computes the output and keeps what the pullback will need, given which inputs want a cotangent.
    func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation

    /// Adds the cotangents of the inputs that want one, given the output's.
    func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents)

    /// The type in which the output's cotangent is kept while its consumers add to it.
    func cotangentType(ofOutput type: DType) -> DType

    /// Whether computing the output again costs so little that nobody need keep it. Such an op saves its inputs first, in their order.
    var isCheap: Bool { get }
}

extension Primitive {
    package func cotangentType(ofOutput type: DType) -> DType { type }
    package var isCheap: Bool { false }
}

/// What `forward` returns.
package struct Evaluation {
    package let output: Tensor
    package let saved: [Tensor]
    package init(_ output: Tensor, saved: [Tensor]) {
        self.output = output
        self.saved = saved
    }
}
