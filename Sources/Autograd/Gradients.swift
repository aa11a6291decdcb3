import Kernels

/// Gradients of the trained parameters, one accumulator each, filled by one or several backward passes.
///
/// An accumulator exists from the first write to the reset: during the first forward pass of a window its memory serves activations.
package final class Gradients {
    private var tensors: [Tensor?]
    private let shapes: [[Int]?]
    private let type: DType

    /// Accumulators for parameters of these shapes; `nil` for a frozen one.
    package init(shapes: [[Int]?], type: DType) {
        self.shapes = shapes
        self.type = type
        tensors = shapes.map { _ in nil }
    }

    /// Forgets the values and gives the memory back.
    package func reset() { for i in tensors.indices { tensors[i] = nil } }

    package func write(_ parameter: Int, shape: [Int], type: DType, _ body: (Tensor, Bool) -> Void) {
        guard let own = shapes[parameter] else { preconditionFailure("a frozen parameter has no gradient") }
        let present = tensors[parameter], target = present ?? Tensor(own, self.type)
        body(target.reshaped(shape), present != nil)
        tensors[parameter] = target
    }

    /// Bytes of the accumulators that nobody has written yet: the backward pass will take them, until then they are free for other use.
    package var bytesToCome: Int {
        shapes.indices.reduce(0) { sum, i in tensors[i] == nil ? sum + (shapes[i]?.reduce(type.size, *) ?? 0) : sum }
    }

    /// The gradient of a trained parameter; zeros if nothing reached it.
    package subscript(parameter: Int) -> Tensor {
        guard let shape = shapes[parameter] else { preconditionFailure("a frozen parameter has no gradient") }
        if tensors[parameter] == nil { tensors[parameter] = Tensor.zeros(shape, type) }
        return tensors[parameter]!
    }

    package var trainedIndices: [Int] { shapes.indices.filter { shapes[$0] != nil } }
}
