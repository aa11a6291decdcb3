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

    /// Rows to hold back out of that many: at least one where any are asked for, and never all.
    package func validationRows(of rows: Int) -> Int {
        guard validationSize > 0, rows > 1 else { return 0 }
        let wanted = validationSize < 1 ? (validationSize * Double(rows)).rounded() : validationSize
        return Int(min(max(wanted, 1), Double(rows - 1)))
    }
}
