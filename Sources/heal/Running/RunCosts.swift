import HealData
import Kernels
import Models
import TensorTrain
import Trainer

/// What a run takes: memory from the shapes of what it holds, and operations from the products of a step. Estimates, meant to be right within a third.
struct RunCosts {
    let parts: [(name: String, bytes: Int)]
    /// How one pass (a micro-batch, forward and backward) multiplies with each matrix of the plan, in its order.
    let matrices: [ContractionCost]
    /// The same forward only, as an evaluation does it; and with the dense matrices.
    let forward: [ContractionCost]
    let denseForward: [ContractionCost]
    let tokensPerPass: Int
    /// Floating-point operations of head, attention and teacher in one pass, all in large products.
    private let otherOperations: Double
    /// Floating-point operations of head and attention in one pass forward.
    let otherForward: Double
    /// How many times the operations of one pass a step has.
    private let passes: Double
    /// Activations of one pass; elements that an update reads or writes.
    let activationElements: Double
    private let updatedElements: Double
    private let bytesPerToken: Int

    /// What a pass forward keeps of so many tokens for the pass backward.
    func activationBytes(tokens: Int) -> Int { tokens * bytesPerToken }

    /// Floating-point operations of one step, a multiplication and an addition counting as two.
    var operationsPerStep: Double { passes * (matrices.reduce(otherOperations) { $0 + $1.flops }) }

    /// Seconds of a step: its products, and what passes over activations, gradients and moments element by element.
    func secondsPerStep(_ model: CostModel) -> Double {
        productSeconds(model) + model.moved * (passes * Self.touches * activationElements + updatedElements)
    }

    /// How often each activation is read or written in a pass, forward and backward; about a third of it is forward. Measured on models from 0.3 to 135
    /// million parameters.
    static let touches = 16.0

    private func productSeconds(_ model: CostModel) -> Double { passes * (matrices.reduce(otherOperations * model.operation) { $0 + model.seconds($1) }) }

    var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// - Parameters:
    ///   - epoch: how full micro-batches are and how many of their tokens are trained.
    ///   - contraction: how each compressed matrix is contracted.
    init(
        _ model: LlamaConfiguration, _ plan: CompressionPlan, _ c: Trainer.Configuration, compute: DType, epoch: EpochPlan,
        contraction: (MPOLayout) -> ContractionPlan
    ) {
        let wide = 4, size = compute.size
        let cores = plan.compressed.reduce(0) { $0 + $1.layout!.coreTotal }
        let onDisk = CheckpointSize(plan, c), coreBytes = onDisk.cores, momentBytes = onDisk.moments
        let frozen = plan.otherCount + plan.entries.reduce(0) { $0 + ($1.layout == nil ? $1.denseCount : 0) }
        let denseCompressed = plan.compressed.reduce(0) { $0 + $1.denseCount }
        let largest = plan.compressed.map(\.denseCount).max() ?? 0
        // A micro-batch is full where rows are packed; at most that long otherwise.
        let tokens = c.perDeviceTrainBatchSize * c.rowLength(model)
        let keepsRebuilt = denseCompressed * size < HealingJob.rebuiltLimit
        let rebuilt = keepsRebuilt ? denseCompressed : largest
        let activations = Self.activations(model, tokens: tokens, size: size, checkpointing: c.gradientCheckpointing)
        let hasTeacher = c.distillation.weight > 0
        let logits = min(tokens, 512) * model.vocabularySize * (wide + size + (hasTeacher ? wide : 0))
        var held = [
            ("weights", frozen * size + coreBytes), ("gradients", cores * wide), ("optimizer", momentBytes),
            ("rebuilt matrices", rebuilt * size + 2 * largest * wide), ("activations", activations + logits),
        ]
        // One like the model is assumed; it shares what is not compressed.
        // Beyond a limit it is read from the file, where weights have two bytes.
        let teacherSize = plan.denseTotal * size > LlamaModel.heldLimit ? min(size, 2) : size
        if hasTeacher { held.append(("teacher", denseCompressed * teacherSize)) }
        // Blocks of memory come in steps of an eighth of a power of two; then the program itself, the data and the stacks of threads.
        parts = held + [("reserve", held.reduce(0) { $0 + $1.1 } / 12 + Self.ownBytes)]

        let usual = max(1, epoch.tokens / max(1, epoch.microBatches)), trained = max(1, epoch.trainedTokens / max(1, epoch.microBatches))
        let shared = keepsRebuilt ? c.gradientAccumulationSteps : 1
        tokensPerPass = usual
        matrices = plan.entries.map { entry in
            guard let layout = entry.layout else { return .frozen(out: entry.out, in: entry.in, tokens: usual) }
            let way = contraction(layout)
            return way.forwardCost(layout, tokens: usual, rebuildsShared: shared)
                + way.backwardCost(layout, tokens: usual, rebuildsShared: shared, keepsDense: keepsRebuilt)
        }
        forward = plan.entries.map { entry in
            entry.layout.map { contraction($0).forwardCost($0, tokens: usual, rebuildsShared: 1) } ?? .forward(out: entry.out, in: entry.in, tokens: usual)
        }
        denseForward = plan.entries.map { .forward(out: $0.out, in: $0.in, tokens: usual) }
        let counted = hasTeacher && c.distillation.tokens == .all ? usual : trained, head = Double(model.vocabularySize) * Double(model.hiddenSize)
        // Scores and mixtures over half of the square, forward once and backward two and a half times; packed samples see less than a whole row.
        let attention = Double(usual) * Double(c.rowLength(model)) / 2 * Double(model.queryRows) * Double(model.layers)
        var others = 4 * Double(counted) * head + 7 * attention
        if hasTeacher {
            let dense = plan.entries.reduce(0.0) { $0 + Double($1.denseCount) }
            others += 2 * (Double(usual) * dense + attention + Double(counted) * head)
        }
        otherOperations = others
        otherForward = 2 * Double(trained) * head + 2 * attention
        bytesPerToken = Self.activations(model, tokens: 1, size: size, checkpointing: false)
        activationElements = Double(usual * bytesPerToken / size)
        updatedElements = Double((3 * cores * wide + 2 * momentBytes) / wide)
        passes = Double(c.gradientAccumulationSteps) * (c.gradientCheckpointing ? 4.0 / 3 : 1)
    }

    /// The program itself, the data and the stacks of threads.
    static let ownBytes = 64 << 20

    /// What the forward pass keeps for the backward pass. The input of a block is float32.
    private static func activations(_ c: LlamaConfiguration, tokens: Int, size: Int, checkpointing: Bool) -> Int {
        // Inputs of the norms and their outputs, q, k and v before and after rotation, attention's output, gate, up and their product.
        let block = 4 * c.hiddenSize + 2 * (c.queryRows + c.keyValueRows) + c.keyValueRows + c.queryRows + 3 * c.intermediateSize
        let kept = checkpointing ? 4 * c.layers * c.hiddenSize + size * block : size * c.layers * block
        return tokens * (kept + 4 * c.hiddenSize * size)
    }
}
