/// Mistral Instruct: `<s> [INST] user [/INST] answer</s>`, whose releases differ in white space and in where the system text goes.
package struct MistralTemplate: Sendable, Equatable {
    package enum SystemPlace: String, Sendable {
        /// Refused.
        case none
        /// Before the first user's turn.
        case firstUser
        /// Before the last user's turn.
        case lastUser
        /// Before a user's turn that ends the conversation, so for training nowhere.
        case closingUser
    }

    package var opening: String
    package var closing: String
    /// Written before an answer, and trained with it.
    package var answerLead: String
    package var stripsAnswer: Bool
    /// Written after eos, and not trained.
    package var answerTail: String
    package var system: SystemPlace

    package init(
        opening: String = " [INST] ", closing: String = " [/INST]", answerLead: String = " ", stripsAnswer: Bool = false,
        answerTail: String = "", system: SystemPlace = .firstUser
    ) {
        self.opening = opening
        self.closing = closing
        self.answerLead = answerLead
        self.stripsAnswer = stripsAnswer
        self.answerTail = answerTail
        self.system = system
    }

    func render(_ turns: [Turn], marks: TemplateMarks, into out: inout RenderedText) throws(RecordError) {
        let (systemText, rest) = splittingSystem(turns)
        if systemText != nil, system == .none {
            throw RecordError("this model's Mistral template takes no system turn; put its text before the first user's, or remove it from the row")
        }
        if systemText != nil, system == .closingUser, rest.last?.role != .user {
            throw RecordError("""
                this model's Mistral template writes a system text only before a user's turn that ends the conversation; \
                put it before the first user's text, or remove it from the row
                """)
        }
        try requireAlternation(rest, template: "mistral")
        out.write(marks.bos)
        for (index, turn) in rest.enumerated() {
            if turn.role == .user {
                let carriesSystem = switch system {
                case .none: false
                case .firstUser: index == 0
                case .lastUser: !rest.dropFirst(index + 1).contains { $0.role == .user }
                case .closingUser: index == rest.count - 1
                }
                let lead = carriesSystem ? systemText.map { $0 + "\n\n" } ?? "" : ""
                out.write(opening + lead + turn.fullText + closing)
            } else {
                let answer = stripsAnswer ? turn.fullText.strippedLikePython() : turn.fullText
                out.write(answerLead + answer + marks.eos, trained: turn.countsInLoss)
                out.write(answerTail)
            }
        }
    }
}
