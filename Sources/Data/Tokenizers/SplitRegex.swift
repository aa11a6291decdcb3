import CPCRE2

/// A split pattern, compiled by PCRE2 to mean what the Rust engines of the reference libraries make of it.
///
/// Those use Unicode 16 and read `\s` as White_Space. PCRE2 may come with older tables and counts U+180E as a space, so the
/// pattern is rewritten: `\s` becomes the property, and general categories get the characters added since Unicode 14.
/// Constructs that the engines read differently are refused.
final class SplitRegex: @unchecked Sendable {
    // A compiled pattern is read-only once the just-in-time compiler has run, so threads may share it.
    private let code: OpaquePointer

    /// A pattern that cannot be used, and why.
    struct Invalid: Error { let reason: String }

    init(_ pattern: String) throws(Invalid) {
        let rewritten = try PatternRewriter.rewrite(Array(pattern.unicodeScalars))
        var status: Int32 = 0
        var position = 0
        let bytes = Array(rewritten.utf8)
        let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_MULTILINE) | UInt32(PCRE2_NEVER_BACKSLASH_C)
        guard let code = pcre2_compile_8(bytes, bytes.count, options, &status, &position, nil) else {
            var message = [UInt8](repeating: 0, count: 256)
            _ = pcre2_get_error_message_8(status, &message, message.count)
            let text = String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
            throw Invalid(reason: "the pattern does not compile: \(text)")
        }
        // Without it (an odd processor) the interpreter gives the same matches, slowly.
        _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
        self.code = code
    }

    deinit { pcre2_code_free_8(code) }

    /// What a match needs besides the pattern; one per thread.
    final class Workspace {
        fileprivate let data: OpaquePointer
        init?() {
            guard let data = pcre2_match_data_create_8(1, nil) else { return nil }
            self.data = data
        }
        deinit { pcre2_match_data_free_8(data) }
    }

    /// The first match at or after `start`, with lookaround confined to `text`, which is valid UTF-8.
    func firstMatch(in text: UnsafeBufferPointer<UInt8>, from start: Int, _ workspace: Workspace) -> Range<Int>? {
        var status = pcre2_match_8(code, text.baseAddress, text.count, start, UInt32(PCRE2_NO_UTF_CHECK), workspace.data, nil)
        if status < 0, status != PCRE2_ERROR_NOMATCH {
            // The compiled form ran out of its small stack; the interpreter takes its memory from the heap.
            let options = UInt32(PCRE2_NO_UTF_CHECK) | UInt32(PCRE2_NO_JIT)
            status = pcre2_match_8(code, text.baseAddress, text.count, start, options, workspace.data, nil)
        }
        guard status >= 0, let offsets = pcre2_get_ovector_pointer_8(workspace.data), offsets[1] >= offsets[0] else { return nil }
        return Int(offsets[0])..<Int(offsets[1])
    }
}

/// Rewrites a pattern from the dialect of tokenizer files to PCRE2's.
private enum PatternRewriter {
    static func rewrite(_ pattern: [Unicode.Scalar]) throws(SplitRegex.Invalid) -> String {
        var out = ""
        var index = 0
        var inClass = false
        while index < pattern.count {
            let scalar = pattern[index]
            index += 1
            switch scalar {
            case "\\":
                out += try escape(pattern, &index, inClass: inClass)
            case "[":
                if inClass { throw SplitRegex.Invalid(reason: "a character class inside a character class is not supported") }
                inClass = true
                out.unicodeScalars.append(scalar)
                if index < pattern.count, pattern[index] == "^" {
                    out += "^"
                    index += 1
                }
                if index < pattern.count, pattern[index] == "]" {
                    throw SplitRegex.Invalid(reason: "an empty character class is not supported")
                }
            case "]":
                inClass = false
                out.unicodeScalars.append(scalar)
            case "&" where inClass && index < pattern.count && pattern[index] == "&":
                throw SplitRegex.Invalid(reason: "set intersection (&&) in a character class is not supported")
            case "(" where !inClass:
                out += try group(pattern, &index)
            case "}" where !inClass && index < pattern.count && pattern[index] == "+":
                throw SplitRegex.Invalid(reason: "'{n,m}+' means different things to different engines and is not supported")
            default:
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func group(_ pattern: [Unicode.Scalar], _ index: inout Int) throws(SplitRegex.Invalid) -> String {
        guard index < pattern.count, pattern[index] == "?" || pattern[index] == "*" else { return "(" }
        for known in ["?:", "?=", "?!", "?<=", "?<!", "?i:", "?>"] where pattern[index...].starts(with: known.unicodeScalars) {
            index += known.unicodeScalars.count
            return "(" + known
        }
        throw SplitRegex.Invalid(reason: "the group '(\(pattern[index])…' is not supported")
    }

    private static func escape(
        _ pattern: [Unicode.Scalar], _ index: inout Int, inClass: Bool
    ) throws(SplitRegex.Invalid) -> String {
        guard index < pattern.count else { throw SplitRegex.Invalid(reason: "the pattern ends in a backslash") }
        let scalar = pattern[index]
        index += 1
        switch scalar {
        case "s": return #"\p{White_Space}"#
        case "S": return #"\P{White_Space}"#
        case "d": return category("Nd", inClass: inClass, negated: false)
        case "r", "n", "t", "f":
            return "\\" + String(scalar)
        case "p", "P":
            guard index < pattern.count else { throw SplitRegex.Invalid(reason: "the pattern ends in a property") }
            var name = ""
            if pattern[index] == "{" {
                guard let close = pattern[index...].firstIndex(of: "}") else {
                    throw SplitRegex.Invalid(reason: "a property has no closing brace")
                }
                name.unicodeScalars.append(contentsOf: pattern[(index + 1)..<close])
                index = close + 1
            } else {
                name.unicodeScalars.append(pattern[index])
                index += 1
            }
            return category(name, inClass: inClass, negated: scalar == "P")
        case "x", "u":
            guard let (value, next) = hexadecimal(pattern, index, digits: scalar == "u" ? 4 : 2) else {
                throw SplitRegex.Invalid(reason: "the escape '\\\(scalar)' has no code point")
            }
            index = next
            return "\\x{" + String(value, radix: 16) + "}"
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
                throw SplitRegex.Invalid(reason: "the escape '\\\(scalar)' is not supported")
            }
            return "\\" + String(scalar)
        }
    }

    private static func hexadecimal(_ pattern: [Unicode.Scalar], _ start: Int, digits: Int) -> (UInt32, Int)? {
        var index = start
        let braces = index < pattern.count && pattern[index] == "{"
        if braces { index += 1 }
        var text = ""
        while index < pattern.count, pattern[index].properties.isASCIIHexDigit, text.count < (braces ? 6 : digits) {
            text.unicodeScalars.append(pattern[index])
            index += 1
        }
        if braces {
            guard index < pattern.count, pattern[index] == "}" else { return nil }
            index += 1
        } else if text.count != digits {
            return nil
        }
        return UInt32(text, radix: 16).map { ($0, index) }
    }

    /// A property as PCRE2 writes it, with what its tables may lack.
    private static func category(_ name: String, inClass: Bool, negated: Bool) -> String {
        let plain = (negated ? "\\P{" : "\\p{") + name + "}"
        guard !(negated && inClass), let test = generalCategory(name) else { return plain }
        let extra = UnicodeTables.recentRanges(where: test).map { range in
            let low = "\\x{" + String(range.lowerBound, radix: 16) + "}"
            return range.count == 1 ? low : low + "-\\x{" + String(range.upperBound, radix: 16) + "}"
        }.joined()
        if extra.isEmpty { return plain }
        if inClass { return plain + extra }
        return (negated ? "[^" : "[") + "\\p{" + name + "}" + extra + "]"
    }

    /// Membership in a general category or group of categories by its short name.
    private static func generalCategory(_ name: String) -> ((Unicode.GeneralCategory) -> Bool)? {
        let names: [(String, Unicode.GeneralCategory)] = [
            ("Lu", .uppercaseLetter), ("Ll", .lowercaseLetter), ("Lt", .titlecaseLetter), ("Lm", .modifierLetter),
            ("Lo", .otherLetter), ("Mn", .nonspacingMark), ("Mc", .spacingMark), ("Me", .enclosingMark),
            ("Nd", .decimalNumber), ("Nl", .letterNumber), ("No", .otherNumber), ("Pc", .connectorPunctuation),
            ("Pd", .dashPunctuation), ("Ps", .openPunctuation), ("Pe", .closePunctuation), ("Pi", .initialPunctuation),
            ("Pf", .finalPunctuation), ("Po", .otherPunctuation), ("Sm", .mathSymbol), ("Sc", .currencySymbol),
            ("Sk", .modifierSymbol), ("So", .otherSymbol),
        ]
        let members = names.filter { $0.0 == name || $0.0.prefix(1) == name }.map(\.1)
        return members.isEmpty ? nil : { members.contains($0) }
    }
}
