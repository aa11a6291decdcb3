import HealData
import Models

extension Configuration {
    /// Steps of the whole run: `max_steps`, else the epochs times the steps of one, rounded up as in Hugging Face; at least 1.
    package func totalSteps(stepsPerEpoch: Int) -> Int {
        if let maxSteps { return maxSteps }
        let steps = (trainEpochs * Double(stepsPerEpoch)).rounded(.up)
        return max(1, Int(exactly: min(steps, 1e15)) ?? 1)
    }

    /// Steps of warm-up in a run of that length.
    package func warmupSteps(totalSteps: Int) -> Int {
        if let warmupSteps, warmupSteps > 0 { return warmupSteps }
        return Schedule.warmupSteps(ratio: warmupRatio ?? 0, totalSteps: totalSteps)
    }

    /// The learning rate over a run of that length.
    package func schedule(totalSteps: Int) -> Schedule {
        Schedule(
            shape: learningRateScheduler, peak: learningRate, warmupSteps: warmupSteps(totalSteps: totalSteps), totalSteps: totalSteps,
            floorRatio: minLearningRateRatio)
    }

    package static let defaultGaugeSteps = 10
    /// Tokens of a row where nothing is said, in a model that sees as many.
    package static let defaultRowLength = 1024

    /// Tokens of a row of a model: what is asked for; else as many as are usual, and no more than its context.
    package func rowLength(_ model: LlamaConfiguration) -> Int {
        maxSequenceLength ?? min(Self.defaultRowLength, model.maximumPositions, model.slidingWindow ?? .max)
    }

    /// An optimizer for the trained tensors of a model, before its first update.
    package func makeOptimizer(_ model: LlamaModel) -> AdamWOptimizer {
        var made = AdamWOptimizer(
            shapes: model.trained.map { model.weights.tensors[$0]!.shape }, beta1: adamBeta1, beta2: adamBeta2, epsilon: adamEpsilon,
            weightDecay: weightDecay, precision: optimizer == .adamw8bit ? .blockwise : .wide, seed: seed)
        made.chains = TrainedChain.all(in: model)
        made.coreLearningRate = coreLearningRate
        made.decay = decay
        made.gaugeSteps = gauge == .balance ? gaugeSteps ?? Self.defaultGaugeSteps : nil
        return made
    }

    /// The datasets with their paths looked up; one that is not found keeps the path it was given.
    package func files(_ datasets: [DatasetConfiguration]) -> [DatasetFile] {
        datasets.map { DatasetFile(path: existingPath($0.path) ?? $0.path, format: $0.format, columns: $0.columns, weight: $0.weight, split: $0.split) }
    }

    /// What decides which samples come in which order.
    package var dataOptions: DataOptions {
        var options = DataOptions()
        options.packing = packing
        options.heldBack = validationSize < 1 ? .fraction(validationSize) : .count(Int(min(validationSize, 1e15)))
        options.onBadLine = onBadLine
        options.seed = UInt64(dataSeed ?? seed)
        return options
    }
}
