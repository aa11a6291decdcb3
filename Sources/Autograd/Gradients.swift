import Kernels

/// Gradients of the trained parameters, one accumulator each, filled by one or several backward passes.
package final class Gradients {
    private var tensors: [Tensor]
    private var started: [Bool]
    private let trained: [Bool]

    /// Accumulators for parameters of these shapes; `nil` for a frozen one.
    package init(shapes: [[Int]?], type: DType) {
        trained = shapes.map { $0 != nil }
        started = shapes.map { _ in false }
        tensors = shapes.map { Tensor($0 ?? [0], type) }
    }

    /// Forgets the values, keeps the memory.
    package func reset() { for i in started.indices { started[i] = false } }

    package func write(_ parameter: Int, shape: [Int], type: DType, _ body: (Tensor, Bool) -> Void) {
        precondition(trained[parameter], "a frozen parameter has no gradient")
        body(tensors[parameter].reshaped(shape), started[parameter])
        started[parameter] = true
    }

    /// The gradient of a trained parameter; zeros if nothing reached it.
    package subscript(parameter: Int) -> Tensor {
        precondition(trained[parameter], "a frozen parameter has no gradient")
        if !started[parameter] {
            Elementwise.fillZero(tensors[parameter])
            started[parameter] = true
        }
        return tensors[parameter]
    }

    package var trainedIndices: [Int] { trained.indices.filter { trained[$0] } }
}
