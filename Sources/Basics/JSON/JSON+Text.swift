/// Writing JSON: one spelling for each value, so that equal values are equal bytes.
extension JSON {
    /// The value as text: keys sorted by their UTF-8 bytes, numbers in their shortest exact form, no characters escaped that need not be.
    ///
    /// - Parameter indented: two spaces a level and one member a line; else everything on one line without spaces.
    package func text(indented: Bool = false) -> String {
        var text = ""
        write(to: &text, indent: indented ? 0 : nil)
        return text
    }

    private func write(to text: inout String, indent: Int?) {
        switch value {
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let integer): text += String(integer)
        case .number(let number): text += Self.spelled(number)
        case .string(let string): Self.quote(string, to: &text)
        case .array(let elements):
            // Lists of plain values stay on one line; they are short and read better so.
            let flat = elements.allSatisfy { $0.elements == nil && $0.members == nil }
            Self.write(elements, "[", "]", to: &text, indent: flat ? nil : indent, spaced: indent != nil) { element, text, indent in
                element.write(to: &text, indent: indent)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            Self.write(sorted, "{", "}", to: &text, indent: indent, spaced: indent != nil) { member, text, indent in
                Self.quote(member.key, to: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(to: &text, indent: indent)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], _ opening: String, _ closing: String, to text: inout String, indent: Int?, spaced: Bool,
        each: (Item, inout String, Int?) -> Void
    ) {
        text += opening
        for (index, item) in items.enumerated() {
            if index > 0 { text += indent == nil && spaced ? ", " : "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
            each(item, &text, indent.map { $0 + 1 })
        }
        if let indent, !items.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += closing
    }

    /// The shortest decimal that reads back to the same bits. JSON has no NaN and no infinity: they become null.
    private static func spelled(_ number: Double) -> String {
        guard number.isFinite else { return "null" }
        if let integer = Int(exactly: number), abs(integer) < 1 << 53, !(integer == 0 && number.sign == .minus) { return String(integer) }
        return number.description
    }

    static func quote(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
    package init(nilLiteral: ()) { self.init(.null) }
    package init(booleanLiteral value: Bool) { self.init(.bool(value)) }
    package init(integerLiteral value: Int) { self.init(.integer(value)) }
    package init(floatLiteral value: Double) { self.init(.number(value)) }
    package init(stringLiteral value: String) { self.init(.string(value)) }
    package init(arrayLiteral elements: JSON...) { self.init(.array(elements)) }

    /// An object of these members, in this order.
    package static func object(_ members: [(String, JSON)]) -> JSON {
        JSON(.object(members.map { Member(key: $0.0, position: .start, value: $0.1) }))
    }
}
