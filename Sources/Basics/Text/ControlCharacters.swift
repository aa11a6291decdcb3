/// Characters that command a terminal, or turn the order of a line, instead of showing something.
extension Unicode.Scalar {
    /// C0 and C1 controls and delete; the separators of lines and paragraphs; the marks that change the direction of a text: embeddings, overrides,
    /// isolates, and the marks of a direction (UAX #9). Line feed and tab are none.
    package var isCommand: Bool {
        switch value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

extension String {
    /// The text with each of these characters spelled as JSON spells it, `\u001b`: a JSON text stays the same value.
    package var withoutCommands: String {
        guard unicodeScalars.contains(where: \.isCommand) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isCommand { text += scalar.spelled } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    /// The same for a text that has to stay within its line.
    package var withoutCommandsAndLines: String { withoutCommands.replacing("\n", with: "\\n").replacing("\t", with: "\\t") }
}

extension Unicode.Scalar {
    fileprivate var spelled: String {
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
