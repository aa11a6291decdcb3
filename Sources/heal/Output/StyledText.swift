import Basics

/// Text for the terminal with this program's own colours: what it is made of is spelled out first, so only they command.
struct StyledText {
    /// What Select Graphic Rendition (ECMA-48, 8.3.117) is asked for.
    enum Style: Int {
        case bold = 1
        case faint = 2
        case struck = 9
        case green = 32
    }

    /// As it is sent.
    private(set) var sequence: String

    init(_ text: String = "", _ styles: [Style] = []) {
        sequence = text.withoutCommands
        guard !styles.isEmpty, !text.isEmpty else { return }
        sequence = "\u{1B}[" + styles.map { "\($0.rawValue)" }.joined(separator: ";") + "m" + sequence + "\u{1B}[0m"
    }

    static func += (left: inout StyledText, right: StyledText) { left.sequence += right.sequence }
}
