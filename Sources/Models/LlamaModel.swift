import Foundation
import Autograd
import Kernels
import Synchronization
import TensorTrain

/// What a model is shown: tokens of several samples in one row of memory.
package struct TokenInput: Sendable {
    package var tokens: [Int32]
    /// Position of each token in its own sample.
    package var positions: [Int32]
    /// Cumulative starts of the samples, 0 and the number of tokens included. Attention stays inside each.
    package var segments: [Int]

    package init(tokens: [Int32], positions: [Int32], segments: [Int]) {
        self.tokens = tokens
        self.positions = positions
        self.segments = segments
    }

    /// One sample.
    package init(_ tokens: [Int32]) {
        self.init(tokens: tokens, positions: tokens.indices.map(Int32.init), segments: [0, tokens.count])
    }
}

/// A decoder of the Llama family: how its weights act. The weights are tensors by name; compressed matrices act through their cores.
///
/// Frozen matrices are held once in the compute type, or, where a narrower file is mapped and they are too many, read from there at every use. What is trained
/// stays wide, and the update writes it in place (`parametersChanged` tells).
package final class LlamaModel: Sendable {
    package let configuration: LlamaConfiguration
    package let weights: ModelWeights
    /// Type of activations and of what enters products.
    package let compute: DType
    /// Names of the trained tensors; a parameter's index is its place here.
    package let trained: [String]
    private let index: [String: Int]
    private let frozen: [String: Tensor]
    private let linears: [String: Projection]
    private let table: RotaryTable
    private let observe: (@Sendable (_ matrix: String, _ cotangent: Tensor) -> Void)?
    package let longestContext: Int

    private struct Projection: Sendable {
        var chain: DenseForm?
        var plan: ContractionPlan
        var cache: PreparedWeight?
        var bias: Bool
    }

    /// - Parameters:
    ///   - longestContext: rotary tables reach this far.
    ///   - trains: which tensors get gradients.
    ///   - plan: how each compressed matrix is contracted.
    ///   - keepsRebuilt: keep every rebuilt matrix until its cores change, instead of one at a time.
    ///   - heldLimit: bytes of frozen matrices beyond which those that are lent in a narrower type stay in it.
    ///   - observe: shown the cotangent of what each matrix gives, [T, out], in every backward pass.
    package init(
        _ configuration: LlamaConfiguration, _ weights: ModelWeights, compute: DType, longestContext: Int,
        trains: (String) -> Bool = { _ in false }, plan: (String, MPOLayout) -> ContractionPlan = { _, _ in .rebuild },
        keepsRebuilt: Bool = true, heldLimit: Int = LlamaModel.heldLimit, observe: (@Sendable (_ matrix: String, _ cotangent: Tensor) -> Void)? = nil
    ) {
        self.observe = observe
        self.configuration = configuration
        self.weights = weights
        self.compute = compute
        self.longestContext = longestContext
        let trainedNames = weights.names.filter(trains)
        trained = trainedNames
        index = Dictionary(uniqueKeysWithValues: trainedNames.enumerated().map { ($1, $0) })
        let trainedSet = Set(trainedNames)
        var frozen: [String: Tensor] = [:]
        let untrained = weights.tensors.filter { !trainedSet.contains($0.key) }
        let reads = untrained.values.reduce(0) { $0 + $1.count } * compute.size > heldLimit
        for (name, tensor) in untrained { frozen[name] = Self.frozenForm(name, tensor, compute, readsLent: reads) }
        self.frozen = frozen
        var linears: [String: Projection] = [:]
        for (name, _, _) in LlamaNames.matrixShapes(configuration) {
            let layout = weights.layouts[name]
            linears[name] = Projection(
                chain: layout.map(DenseForm.init), plan: layout.map { plan(name, $0) } ?? .rebuild,
                cache: keepsRebuilt && layout != nil ? PreparedWeight() : nil, bias: weights.tensors[name + ".bias"] != nil)
        }
        self.linears = linears
        table = Self.rotaryTable(configuration, positions: longestContext, type: compute.wide)
    }

    /// Bytes of frozen matrices that are worth holding for the sake of speed. 7 billion weights in float32 would not fit beside anything else.
    package static let heldLimit = 4 << 30

    /// A frozen tensor as it is held: matrices enter products in the compute type; vectors and cores stay wide.
    ///
    /// - Parameter readsLent: leave a matrix that is lent in a narrower type as it is, to be converted whenever it is used.
    package static func frozenForm(_ name: String, _ tensor: Tensor, _ compute: DType, readsLent: Bool = false) -> Tensor {
        let isMatrix = name.hasSuffix(".weight") && tensor.shape.count == 2
        if isMatrix, readsLent, tensor.memory.isLent, tensor.dtype.size < compute.size { return tensor }
        return Elementwise.convert(tensor, to: isMatrix ? compute : compute.wide)
    }

    /// A frozen tensor as this model holds it; nil for a name that it trains or does not have.
    package func frozenTensor(_ name: String) -> Tensor? { frozen[name] }

    private static func rotaryTable(_ c: LlamaConfiguration, positions: Int, type: DType) -> RotaryTable {
        let (frequencies, factor) = c.ropeScaling.frequencies(headDimension: c.headDimension, theta: c.ropeTheta)
        var cosines: [Double] = [], sines: [Double] = []
        for p in 0..<positions {
            for f in frequencies {
                // transformers computes the angle in float32; so do we, so that far positions agree.
                let angle = type == .f64 ? Double(p) * f : Double(Float(p) * Float(f))
                cosines.append(cos(angle) * factor)
                sines.append(sin(angle) * factor)
            }
        }
        let shape = [positions, frequencies.count]
        return RotaryTable(
            cosines: Elementwise.convert(Tensor(cosines, shape), to: type), sines: Elementwise.convert(Tensor(sines, shape), to: type))
    }

    /// Accumulators for all trained parameters.
    package func makeGradients() -> Gradients { Gradients(shapes: trained.map { weights.tensors[$0]!.shape }, type: compute.wide) }

    /// To be called after an update: rebuilt matrices are stale.
    package func parametersChanged() { for projection in linears.values { projection.cache?.invalidate() } }

    // MARK: Forward

    private func variable(_ name: String, _ tape: inout Tape) -> Variable {
        if let index = index[name] { return tape.parameter(weights.tensors[name]!, index: index) }
        guard let tensor = frozen[name] else { preconditionFailure("the model has no tensor \(name)") }
        return Variable(constant: tensor)
    }

    private func project(_ x: Variable, _ name: String, _ tape: inout Tape, residual: Variable? = nil) -> Variable {
        let p = linears[name]!
        var inputs = [x]
        if p.chain != nil {
            for core in weights.coreNames(name) { inputs.append(variable(core, &tape)) }
        } else {
            inputs.append(variable(name + ".weight", &tape))
        }
        if p.bias { inputs.append(variable(name + ".bias", &tape)) }
        if let residual { inputs.append(residual) }
        let y =
            if let chain = p.chain {
                tape.apply(
                    MPOLinear(
                        chain, plan: p.plan, hasBias: p.bias, hasResidual: residual != nil, cache: p.cache, savesDense: tape.isBrief && p.cache == nil),
                    to: inputs)
            } else {
                tape.apply(Linear(hasBias: p.bias, hasResidual: residual != nil), to: inputs)
            }
        guard let observe else { return y }
        return tape.apply(Observed { observe(name, $0) }, y)
    }

    /// One block: x + attention(norm(x)), then x + mlp(norm(x)). `attend` turns rotated q, k and v into the attention's output.
    func block(
        _ layer: Int, _ x: Variable, positions: [Int32], _ tape: inout Tape,
        attend: (_ q: Variable, _ k: Variable, _ v: Variable, _ tape: inout Tape) -> Variable
    ) -> Variable {
        let h = attentionInput(layer, x, &tape)
        let (q, k, v) = queryKeyValue(layer, h, positions: positions, &tape)
        let middle = attentionOutput(layer, attend(q, k, v, &tape), residual: x, &tape)
        let h2 = gatesInput(layer, middle, &tape)
        return output(layer, gated(layer, h2, &tape), residual: middle, &tape)
    }

    // The parts of a block, each of which ends where matrices get their input.

    func attentionInput(_ layer: Int, _ x: Variable, _ tape: inout Tape) -> Variable { norm("\(LlamaNames.block(layer)).input_layernorm", x, &tape) }

    func queryKeyValue(_ layer: Int, _ h: Variable, positions: [Int32], _ tape: inout Tape) -> (q: Variable, k: Variable, v: Variable) {
        let c = configuration, name = LlamaNames.block(layer) + ".self_attn"
        var q = project(h, "\(name).q_proj", &tape)
        var k = project(h, "\(name).k_proj", &tape)
        let v = project(h, "\(name).v_proj", &tape)
        if c.queryKeyNorm {
            q = tape.apply(HeadNorm(heads: c.heads, epsilon: c.rmsNormEpsilon), q, variable("\(name).q_norm.weight", &tape))
            k = tape.apply(HeadNorm(heads: c.kvHeads, epsilon: c.rmsNormEpsilon), k, variable("\(name).k_norm.weight", &tape))
        }
        q = tape.apply(Rope(heads: c.heads, positions: positions, table: table), q)
        k = tape.apply(Rope(heads: c.kvHeads, positions: positions, table: table), k)
        return (q, k, v)
    }

    func attentionOutput(_ layer: Int, _ attended: Variable, residual: Variable, _ tape: inout Tape) -> Variable {
        project(attended, "\(LlamaNames.block(layer)).self_attn.o_proj", &tape, residual: residual)
    }

    func gatesInput(_ layer: Int, _ x: Variable, _ tape: inout Tape) -> Variable { norm("\(LlamaNames.block(layer)).post_attention_layernorm", x, &tape) }

    func gated(_ layer: Int, _ h: Variable, _ tape: inout Tape) -> Variable {
        let name = LlamaNames.block(layer) + ".mlp"
        let gate = project(h, "\(name).gate_proj", &tape), up = project(h, "\(name).up_proj", &tape)
        return tape.apply(GatedUnit(), gate, up)
    }

    func output(_ layer: Int, _ gated: Variable, residual: Variable, _ tape: inout Tape) -> Variable {
        project(gated, "\(LlamaNames.block(layer)).mlp.down_proj", &tape, residual: residual)
    }

    private func norm(_ name: String, _ x: Variable, _ tape: inout Tape) -> Variable {
        tape.apply(Norm(epsilon: configuration.rmsNormEpsilon, output: compute), x, variable(name + ".weight", &tape))
    }

    func embed(_ tokens: [Int32], _ tape: inout Tape) -> Variable {
        tape.apply(Embedding(tokens: tokens), variable(LlamaNames.embedding + ".weight", &tape))
    }

    func normalise(_ x: Variable, _ tape: inout Tape) -> Variable { norm(LlamaNames.finalNorm, x, &tape) }

    func headWeight(_ tape: inout Tape) -> Variable {
        variable((configuration.tiesWordEmbeddings ? LlamaNames.embedding : LlamaNames.head) + ".weight", &tape)
    }

    var attention: Attention {
        Attention(heads: configuration.heads, kvHeads: configuration.kvHeads, headDim: configuration.headDimension)
    }

    /// Bytes a block keeps for its backward pass, besides what it is given: the outputs of norms, q, k and v, the attention's output, gate and up.
    package func keptBytes(_ layer: Int, tokens: Int) -> Int {
        let c = configuration, name = LlamaNames.block(layer)
        var width = 2 * c.hiddenSize + 2 * (c.queryRows + c.keyValueRows) + 2 * c.intermediateSize
        if c.queryKeyNorm { width += c.queryRows + c.keyValueRows }
        var bytes = tokens * (width * compute.size + (c.heads + 2) * compute.wide.size)
        for norm in ["input_layernorm", "post_attention_layernorm"] where !RMSNorm.canDivide(by: weights.tensors["\(name).\(norm).weight"]!) {
            bytes += tokens * c.hiddenSize * compute.wide.size
        }
        for matrix in LlamaNames.matrices {
            let p = linears["\(name).\(matrix)"]!
            guard let layout = p.chain?.layout, case .coreByCore = p.plan else { continue }
            bytes += p.plan.savedElements(layout, tokens: tokens) * compute.size
        }
        return bytes
    }

    /// Output of the last norm, [T, hidden]. With `checkpointing`, only each block's input is kept for the backward pass, which computes the block
    /// again: the same numbers.
    ///
    /// - Parameter spare: bytes that checkpointing need not save. The last blocks are kept as far as they fit: theirs is the first memory the
    ///   backward pass gives back.
    package func hidden(_ input: TokenInput, _ tape: inout Tape, checkpointing: Bool = false, spare: Int = 0) -> Variable {
        precondition(
            (input.positions.max() ?? 0) < longestContext, "position \(input.positions.max() ?? 0) in a model made for \(longestContext)")
        var x = embed(input.tokens, &tape)
        // Cotangents go as far back as something wants them.
        if observe != nil, tape.records { x = tape.input(x.value) }
        let attend = CausalAttention(attention, segments: input.segments), positions = input.positions
        let recomputed = checkpointing && tape.records ? blocksBeyond(spare, tokens: input.tokens.count) : 0
        for layer in 0..<configuration.layers {
            if layer < recomputed {
                x = tape.checkpoint(x) { [self] tape, x in
                    block(layer, x, positions: positions, &tape) { q, k, v, tape in tape.apply(attend, q, k, v) }
                }
            } else {
                x = block(layer, x, positions: positions, &tape) { q, k, v, tape in tape.apply(attend, q, k, v) }
            }
        }
        return normalise(x, &tape)
    }

    /// How many blocks, from the first on, do not fit into `bytes` after all later ones.
    private func blocksBeyond(_ bytes: Int, tokens: Int) -> Int {
        var left = bytes, layer = configuration.layers
        while layer > 0 {
            left -= keptBytes(layer - 1, tokens: tokens)
            if left < 0 { break }
            layer -= 1
        }
        return layer
    }

    /// Sum of cross-entropies over labelled tokens, one f64 number.
    package func loss(_ input: TokenInput, labels: [Int32], _ tape: inout Tape, checkpointing: Bool = false, spare: Int = 0) -> Variable {
        let h = hidden(input, &tape, checkpointing: checkpointing, spare: spare)
        return tape.apply(HeadLoss(labels: labels), h, headWeight(&tape))
    }

    /// Logits [rows, V], wide, of rows of the last norm's output.
    package func logits(ofHidden h: Tensor) -> Tensor {
        var tape = Tape(records: false)
        let w = Elementwise.convert(headWeight(&tape).value, to: compute)
        let out = Tensor([h.rows, w.rows], compute.wide)
        GEMM.multiply(h, w, transposeB: true, into: out)
        return out
    }

    /// Logits at every position. For tests and short texts.
    package func logits(_ input: TokenInput) -> Tensor {
        var tape = Tape(records: false)
        return logits(ofHidden: hidden(input, &tape).value)
    }

    /// Negative log-likelihood of `labels[t]` at each position with a label, in order; -1 labels are skipped.
    package func losses(_ input: TokenInput, labels: [Int32]) -> [Double] {
        var tape = Tape(records: false)
        return losses(ofHidden: hidden(input, &tape).value, labels: labels)
    }

    /// The same from the last norm's output.
    func losses(ofHidden h: Tensor, labels: [Int32]) -> [Double] {
        let rows = labels.indices.filter { labels[$0] >= 0 }
        var losses: [Double] = []
        for start in stride(from: 0, to: rows.count, by: 256) {
            let part = rows[start..<min(rows.count, start + 256)]
            let picked = Tensor([part.count, h.rowCount], h.dtype), bytes = h.rowCount * h.dtype.size
            for (i, row) in part.enumerated() { (picked.base + i * bytes).copyMemory(from: h.base + row * bytes, byteCount: bytes) }
            let z = logits(ofHidden: picked), loss = Memory(byteCount: part.count * 8)
            CrossEntropy.rows(z, labels: part.map { labels[$0] }[...], loss: loss.base, gradient: nil)
            for i in 0..<part.count { losses.append(z.dtype == .f64 ? loss.base.f64[i] : Double(loss.base.f32[i])) }
        }
        return losses
    }
}
