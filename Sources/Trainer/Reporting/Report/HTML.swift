import Basics

/// Text that becomes part of a page.
enum HTML {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            // Control characters are no text, and some are not allowed in a page; marks of direction would turn what stands around them.
            case let other where other.isCommand: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The first column is names, the others numbers, or text where `isText`. It can be scrolled where the page is narrow.
    static func table(_ caption: String, _ header: [String], _ rows: [[String]], isText: Bool = false) -> String {
        let head = header.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
        let body = rows.map { row in
            "<tr>" + row.enumerated().map { $0 == 0 ? "<th scope=\"row\">\(escaped($1))</th>" : "<td>\(escaped($1))</td>" }.joined() + "</tr>"
        }
        return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"\(escaped(caption))\"><table\(isText ? " class=\"text\"" : "")>"
            + (header.isEmpty ? "" : "<thead><tr>\(head)</tr></thead>") + "<tbody>\(body.joined())</tbody></table></div>\n"
    }

    static func note(_ text: String) -> String { "<p class=\"note\">\(escaped(text))</p>\n" }
}
