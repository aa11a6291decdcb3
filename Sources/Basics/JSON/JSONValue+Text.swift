extension JSONValue {
    /// The document as text: keys sorted; indented by two blanks as Hugging Face writes it, or on one line.
    package func text(indented: Bool = true) -> String {
        var output = ""
        write(into: &output, indent: indented ? 0 : nil)
        return output
    }

    private func write(into output: inout String, indent: Int?) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .int(let value): output += String(value)
        case .double(let value):
            if value.isFinite {
                output += value.description
            } else {
                output += value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
            }
        case .string(let value): JSON.quote(value, to: &output)
        case .array(let elements):
            Self.list(elements, "[", "]", &output, indent) { element, output, inner in element.write(into: &output, indent: inner) }
        case .object(let members):
            Self.list(members.sorted { $0.key < $1.key }, "{", "}", &output, indent) { member, output, inner in
                JSON.quote(member.key, to: &output)
                output += inner == nil ? ":" : ": "
                member.value.write(into: &output, indent: inner)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ start: String, _ end: String, _ output: inout String, _ indent: Int?,
        _ write: (Element, inout String, Int?) -> Void
    ) {
        output += start
        for (index, element) in elements.enumerated() {
            if index > 0 { output += "," }
            if let indent { output += "\n" + String(repeating: " ", count: indent + 2) }
            write(element, &output, indent.map { $0 + 2 })
        }
        if let indent, !elements.isEmpty { output += "\n" + String(repeating: " ", count: indent) }
        output += end
    }
}
