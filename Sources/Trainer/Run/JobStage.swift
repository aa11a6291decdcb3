/// The stages of a job, in their order.
package enum JobStage: Sendable, Equatable {
    case denseEvaluation
    case decomposing(matrices: Int)
    case truncatedEvaluation
    case openingTeacher
    case healing
    case exporting

    /// In a few words.
    package var text: String {
        switch self {
        case .denseEvaluation: "evaluating the dense model"
        case .decomposing(let matrices): "decomposing \(matrices) matrices"
        case .truncatedEvaluation: "evaluating the truncated model"
        case .openingTeacher: "opening the teacher"
        case .healing: "healing"
        case .exporting: "exporting"
        }
    }
}
