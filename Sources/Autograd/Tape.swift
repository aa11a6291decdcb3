import Kernels

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
    init(_ value: Tensor, slot: Int) {
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
        /// Places in `saved` that hold nothing, and the node whose output belongs there.
        var forgotten: [(place: Int, shape: [Int], producer: Int)] = []
        /// Parameters that the op reaches without having them as inputs: those of a stretch that is computed again.
        var inside: Set<Int> = []
    }
    private var slots: [Slot] = []
    private var nodes: [Node] = []
    private var parameterSlots: [Int: Int] = [:]
    /// What was asked for of a tape that does not record.
    private var unrecorded: Set<Int> = []
    /// Nodes of cheap ops, by the slot of their output.
    private var cheap: [Int: Int] = [:]
    /// A tape that does not record keeps nothing: evaluation and generation.
    package let records: Bool
    /// Whether the tape is pulled back as soon as it is full: what it keeps lives for a moment only.
    package let isBrief: Bool

    package init(records: Bool = true, isBrief: Bool = false) {
        self.records = records
        self.isBrief = isBrief
    }

    /// A value whose cotangent `backward` returns.
    package mutating func input(_ value: Tensor) -> Variable { variable(value, type: value.dtype.wide) }

    /// A trained parameter, known to `Gradients` by `index`.
    package mutating func parameter(_ value: Tensor, index: Int) -> Variable {
        guard records else {
            unrecorded.insert(index)
            return Variable(constant: value)
        }
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
        let evaluation = Stopwatch.time("\(type(of: op)) forward") { op.forward(inputs.map(\.value), wants: wants) }
        guard records, wants.contains(true) else { return Variable(constant: evaluation.output) }
        let out = variable(evaluation.output, type: op.cotangentType(ofOutput: evaluation.output.dtype))
        var node = Node(op: op, saved: evaluation.saved, inputs: inputs.map(\.slot), output: out.slot)
        // What a cheap op gave is not kept for this one but computed again. (A cheap op itself keeps all it needs for that.)
        for variable in inputs where !op.isCheap {
            guard let producer = cheap[variable.slot] else { continue }
            for place in node.saved.indices where node.saved[place].memory === variable.value.memory {
                node.forgotten.append((place, node.saved[place].shape, producer))
                node.saved[place] = Tensor([0], node.saved[place].dtype)
            }
        }
        if op.isCheap { cheap[out.slot] = nodes.count }
        nodes.append(node)
        return out
    }

    /// Runs `body` keeping only its input; the backward pass computes it again. Parameters inside are trained as usual.
    package mutating func checkpoint(_ x: Variable, _ body: @escaping @Sendable (inout Tape, Variable) -> Variable) -> Variable {
        var inner = Tape(records: false)
        let out = body(&inner, Variable(constant: x.value)).value
        guard records else {
            unrecorded.formUnion(inner.unrecorded)
            return Variable(constant: out)
        }
        let v = variable(out, type: out.dtype.wide)
        nodes.append(Node(op: Recomputed(body: body), saved: [x.value], inputs: [x.slot], output: v.slot, inside: inner.unrecorded))
        return v
    }

    /// The parameters whose gradients are complete once a node has been pulled back: it is the first that used them.
    private func parametersByFirstUse() -> [Int: [Int]] {
        var seen: Set<Int> = [], parameters: [Int: [Int]] = [:]
        for (number, node) in nodes.enumerated() {
            let used = node.inputs.compactMap { $0 >= 0 ? slots[$0].parameter : nil } + node.inside.sorted()
            parameters[number] = used.filter { seen.insert($0).inserted }
        }
        return parameters
    }

    /// Pulls `cotangent` of `output` back to every parameter, adding to `gradients`; returns the cotangents of `inputs`.
    ///
    /// - Parameter completed: told of each parameter on the tape as soon as nothing more will be added to its gradient.
    @discardableResult
    package consuming func backward(
        from output: Variable, cotangent: Tensor, into gradients: Gradients, returning inputs: [Variable] = [], completed: ((Int) -> Void)? = nil
    ) -> [Tensor?] {
        var cotangents = Cotangents(destinations: [], slots: Array(repeating: nil, count: slots.count), gradients: gradients)
        guard !output.isConstant else { return inputs.map { _ in nil } }
        cotangents.slots[output.slot] = cotangent
        // The last output computed again: neighbours in the graph ask for the same one.
        var recomputed: (producer: Int, value: Tensor)?
        let complete = completed == nil ? [:] : parametersByFirstUse()
        while var node = nodes.popLast() {
            defer { if let completed { complete[nodes.count]?.forEach(completed) } }
            guard let g = cotangents.slots[node.output] else { continue }
            for (place, shape, producer) in node.forgotten {
                if recomputed?.producer != producer {
                    recomputed = nil
                    let source = nodes[producer]
                    let inputs = Array(source.saved.prefix(source.inputs.count))
                    recomputed = (producer, Stopwatch.time("\(type(of: source.op)) again") { source.op.forward(inputs, wants: inputs.map { _ in false }).output })
                }
                node.saved[place] = recomputed!.value.reshaped(shape)
            }
            cotangents.slots[node.output] = nil
            cotangents.destinations = node.inputs.map { slot in
                guard slot >= 0 else { return .init(slot: -1, shape: [], type: .f32, parameter: nil, wanted: false) }
                let s = slots[slot]
                return .init(slot: slot, shape: s.shape, type: s.type, parameter: s.parameter, wanted: true)
            }
            Stopwatch.time("\(type(of: node.op)) backward") { node.op.pullback(g, saved: node.saved, into: &cotangents) }
        }
        return inputs.map { $0.isConstant ? nil : cotangents.slots[$0.slot] }
    }
}

/// A stretch of the computation that is done again in the backward pass instead of being kept.
private struct Recomputed: Primitive {
    let body: @Sendable (inout Tape, Variable) -> Variable

    func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation { preconditionFailure("made by Tape.checkpoint") }

    func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        var tape = Tape(isBrief: true)
        let x = tape.input(saved[0])
        let y = body(&tape, x)
        let dx = tape.backward(from: y, cotangent: cotangent, into: cotangents.gradients, returning: [x])[0]
        if let dx { cotangents.add(0, dx) }
    }
}
