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
}

extension Primitive {
    package func cotangentType(ofOutput type: DType) -> DType { type }
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

/// Where a pullback puts the cotangents of its inputs.
package struct Cotangents {
    fileprivate struct Destination {
        var slot: Int
        var shape: [Int]
        var type: DType
        var parameter: Int?
        var wanted: Bool
    }
    fileprivate var destinations: [Destination]
    fileprivate var slots: [Tensor?]
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

/// A tensor on a tape.
package struct Variable: Sendable {
    package let value: Tensor
    /// Place on the tape; -1 for a constant.
    let slot: Int
    package var isConstant: Bool { slot < 0 }

    package init(constant value: Tensor) {
        self.value = value
        slot = -1
    }
    fileprivate init(_ value: Tensor, slot: Int) {
        self.value = value
        self.slot = slot
    }
}

/// The record of one forward computation, used up by one backward pass.
package struct Tape: ~Copyable {
    private struct Slot {
        var shape: [Int]
        var type: DType
        var parameter: Int?
    }
    private struct Node {
        var op: any Primitive
        var saved: [Tensor]
        var inputs: [Int]
        var output: Int
    }
    private var slots: [Slot] = []
    private var nodes: [Node] = []
    private var parameterSlots: [Int: Int] = [:]
    /// A tape that does not record keeps nothing: evaluation and generation.
    package let records: Bool

    package init(records: Bool = true) { self.records = records }

    /// A value whose cotangent `backward` returns.
    package mutating func input(_ value: Tensor) -> Variable { variable(value, type: value.dtype.wide) }

    /// A trained parameter, known to `Gradients` by `index`.
    package mutating func parameter(_ value: Tensor, index: Int) -> Variable {
        guard records else { return Variable(constant: value) }
        if let slot = parameterSlots[index] { return Variable(value, slot: slot) }
        let v = variable(value, type: value.dtype.wide, parameter: index)
        parameterSlots[index] = v.slot
        return v
    }

    private mutating func variable(_ value: Tensor, type: DType, parameter: Int? = nil) -> Variable {
        guard records else { return Variable(constant: value) }
        slots.append(Slot(shape: value.shape, type: type, parameter: parameter))
        return Variable(value, slot: slots.count - 1)
    }

    /// Computes `op` and remembers it when some input depends on a parameter.
    package mutating func apply(_ op: some Primitive, _ inputs: Variable...) -> Variable { apply(op, to: inputs) }

    package mutating func apply(_ op: some Primitive, to inputs: [Variable]) -> Variable {
        let wants = inputs.map { !$0.isConstant }
        let evaluation = op.forward(inputs.map(\.value), wants: wants)
        guard records, wants.contains(true) else { return Variable(constant: evaluation.output) }
        let out = variable(evaluation.output, type: op.cotangentType(ofOutput: evaluation.output.dtype))
        nodes.append(Node(op: op, saved: evaluation.saved, inputs: inputs.map(\.slot), output: out.slot))
        return out
    }

    /// Runs `body` keeping only its input; the backward pass computes it again. Parameters inside are trained as usual.
    package mutating func checkpoint(_ x: Variable, _ body: @escaping @Sendable (inout Tape, Variable) -> Variable) -> Variable {
        var inner = Tape(records: false)
        let out = body(&inner, Variable(constant: x.value)).value
        guard records else { return Variable(constant: out) }
        let v = variable(out, type: out.dtype.wide)
        nodes.append(Node(op: Recomputed(body: body), saved: [x.value], inputs: [x.slot], output: v.slot))
        return v
    }

    /// Pulls `cotangent` of `output` back to every parameter, adding to `gradients`; returns the cotangents of `inputs`.
    @discardableResult
    package consuming func backward(
        from output: Variable, cotangent: Tensor, into gradients: Gradients, returning inputs: [Variable] = []
    ) -> [Tensor?] {
        var cotangents = Cotangents(destinations: [], slots: Array(repeating: nil, count: slots.count), gradients: gradients)
        guard !output.isConstant else { return inputs.map { _ in nil } }
        cotangents.slots[output.slot] = cotangent
        while let node = nodes.popLast() {
            guard let g = cotangents.slots[node.output] else { continue }
            cotangents.slots[node.output] = nil
            cotangents.destinations = node.inputs.map { slot in
                guard slot >= 0 else { return .init(slot: -1, shape: [], type: .f32, parameter: nil, wanted: false) }
                let s = slots[slot]
                return .init(slot: slot, shape: s.shape, type: s.type, parameter: s.parameter, wanted: true)
            }
            node.op.pullback(g, saved: node.saved, into: &cotangents)
        }
        return inputs.map { $0.isConstant ? nil : cotangents.slots[$0.slot] }
    }
}

/// A stretch of the computation that is done again in the backward pass instead of being kept.
private struct Recomputed: Primitive {
    let body: @Sendable (inout Tape, Variable) -> Variable

    func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation { preconditionFailure("made by Tape.checkpoint") }

    func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        var tape = Tape()
        let x = tape.input(saved[0])
        let y = body(&tape, x)
        let dx = tape.backward(from: y, cotangent: cotangent, into: cotangents.gradients, returning: [x])[0]
        if let dx { cotangents.add(0, dx) }
    }
}
