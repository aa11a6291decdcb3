import Trainer

/// What a run that is asked to stop says: what it still does, where it was, what is kept, and how to go on.
enum StopText {
    /// - Parameter unit: what of the steps is finished first.
    static func asked(_ stage: JobStage?, unit: String) -> String {
        let plan =
            switch stage {
            case .decomposing: "the matrices at hand are finished first"
            case .healing: "the \(unit) at hand is finished, then the run is saved"
            case .exporting: "the run is saved; the export is left undone"
            case nil, .denseEvaluation, .truncatedEvaluation, .openingTeacher: "the batch at hand is finished"
            }
        return "stopping: \(plan). Once more to leave at once."
    }

    /// - Parameter command: what goes on from there.
    static func stopped(_ result: JobResult, _ stage: JobStage?, command: String) -> String {
        if let checkpoint = result.checkpoint {
            let place = stage == .exporting ? "while exporting, after the last step" : "after step \(steps(result))"
            return "stopped \(place)\nsaved in \(checkpoint); to go on:\n  \(command)"
        }
        let place = stage == .healing ? "in the first step" : stage.map { "while \($0.text), before the first step" } ?? "before the first step"
        if result.keptMatrices == 0 { return "stopped \(place); to begin again:\n  \(command)" }
        let matrices = result.keptMatrices == 1 ? "1 decomposed matrix is" : "\(HumanFormat.grouped(result.keptMatrices)) decomposed matrices are"
        return "stopped \(place); \(matrices) kept; to go on from there:\n  \(command)"
    }

    private static func steps(_ result: JobResult) -> String { "\(HumanFormat.grouped(result.step)) of \(HumanFormat.grouped(result.totalSteps))" }
}
