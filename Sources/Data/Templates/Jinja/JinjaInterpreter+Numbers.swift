import Foundation

/// Filters that make numbers: `int`, `float`, `abs`, `round`.
extension JinjaInterpreter {
    mutating func numberFilter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch name {
        case "int":
            if let base = call.value(1, "base"), base != .integer(10) { throw failure(.unsupported, "`int` is supported to the base 10") }
            return try wholeNumber(value) ?? call.value(0, "default") ?? .integer(0)
        case "float":
            if let number = value.double { return .number(number) }
            if case .undefined(let what) = value { throw failure("\(what) is undefined, so it is no number") }
            guard case .text(let text) = value, let number = try number(in: text) else { return call.value(0, "default") ?? .number(0) }
            return .number(number)
        case "abs":
            if let integer = value.integer {
                guard integer != .min else { throw failure(.unsupported, "a whole number of more than 64 bits") }
                return .integer(abs(integer))
            }
            guard let number = value.double else { throw failure("\(value.kind) has no absolute value") }
            return .number(abs(number))
        default:
            return try rounded(value, call)
        }
    }

    /// `round`; a whole number stays one unless `method` asks for `floor` or `ceil`.
    private func rounded(_ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        guard let number = value.double else { throw failure("`round` takes a number, not \(value.kind)") }
        guard let precision = (call.value(0, "precision") ?? .integer(0)).integer, (0...15).contains(precision), number.magnitude < 9_007_199_254_740_992 else {
            throw failure(.unsupported, "`round` is supported for up to 15 digits after the point, of numbers below 2^53")
        }
        let scale = pow(10, Double(precision))
        switch call.value(1, "method") ?? .string("common") {
        case .string("common"):
            if let integer = value.integer { return .integer(integer) }
            return .number(Double(String(format: "%.*f", precision, number)) ?? number)
        case .string("ceil"): return .number((number * scale).rounded(.up) / scale)
        case .string("floor"): return .number((number * scale).rounded(.down) / scale)
        default: throw failure("the methods of `round` are `common`, `ceil` and `floor`")
        }
    }

    /// Python's `int(value)`, or `int(float(value))`; nil where neither is there.
    private func wholeNumber(_ value: JinjaValue) throws(JinjaError) -> JinjaValue? {
        switch value {
        case .integer, .bool: return value.integer.map { .integer($0) }
        case .number(let number):
            if number.isNaN { return nil }
            guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw failure(.unsupported, "a whole number of more than 64 bits") }
            return .integer(integer)
        case .text(let text):
            guard let number = try number(in: text) else { return nil }
            if let integer = Int(text.stripped().string.replacing("_", with: "")) { return .integer(integer) }
            guard number.isFinite else { return nil }
            return try wholeNumber(.number(number))
        case .undefined(let what): throw failure("\(what) is undefined, so it is no number")
        default: return nil
        }
    }

    /// The number that a text spells for Python: digits may have `_` between them.
    private func number(in text: TracedText) throws(JinjaError) -> Double? {
        let spelled = text.stripped().bytes
        guard spelled.allSatisfy({ $0 < 0x80 }) else {
            // Python reads the digits of all scripts.
            if text.string.unicodeScalars.contains(where: { $0.properties.numericType == .decimal }) { throw failure(.unsupported, "a number with letters or digits outside ASCII") }
            return nil
        }
        for (place, byte) in spelled.enumerated() where byte == UInt8(ascii: "_") {
            let neighbours = [place - 1, place + 1]
            guard neighbours.allSatisfy({ spelled.indices.contains($0) && (0x30...0x39).contains(spelled[$0]) }) else { return nil }
        }
        // Swift also reads hexadecimal digits, and a payload of `nan`.
        guard !spelled.contains(where: { "xXpP(".utf8.contains($0) }) else { return nil }
        return Double(String(decoding: spelled.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self))
    }
}
