import Kernels

/// Where a pullback puts the cotangents of its inputs.
package struct Cotangents {
    struct Destination {
        var slot: Int
        var shape: [Int]
        var type: DType
        var parameter: Int?
        var wanted: Bool
    }
    var destinations: [Destination]
    var slots: [Tensor?]
    /// Gradients of the parameters, shared by every segment of a step.
    package let gradients: Gradients

    package func wants(_ input: Int) -> Bool { destinations[input].wanted }

    /// Adds a finished tensor. It may be shared: nobody writes it.
    package mutating func add(_ input: Int, _ cotangent: Tensor) {
        let d = destinations[input]
        guard d.wanted else { return }
        if d.parameter == nil, slots[d.slot] == nil, cotangent.dtype == d.type {
            slots[d.slot] = cotangent.reshaped(d.shape)
        } else {
            write(input) { target, accumulate in Elementwise.add(cotangent, into: target, accumulate: accumulate) }
        }
    }

    /// Lets `body` write the cotangent of `input` in place: add to what is there when `accumulate`, else overwrite.
    package mutating func write(_ input: Int, _ body: (_ target: Tensor, _ accumulate: Bool) -> Void) {
        let d = destinations[input]
        guard d.wanted else { return }
        if let parameter = d.parameter {
            gradients.write(parameter, shape: d.shape, type: d.type, body)
            return
        }
        if var present = slots[d.slot] {
            slots[d.slot] = nil
            if !present.isUnique() { present = present.copy() }
            body(present, true)
            slots[d.slot] = present
        } else {
            let fresh = Tensor(d.shape, d.type)
            body(fresh, false)
            slots[d.slot] = fresh
        }
    }
}
