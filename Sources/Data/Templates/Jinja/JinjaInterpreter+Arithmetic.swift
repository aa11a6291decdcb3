import Foundation

/// `+ - * / // % **`.
extension JinjaInterpreter {
    mutating func arithmetic(_ first: JinjaExpression, _ steps: [JinjaStep]) throws(JinjaError) -> JinjaValue {
        var value = try evaluate(first)
        for step in steps { value = try combined(value, step.sign, try evaluate(step.operand)) }
        return value
    }

    private mutating func combined(_ left: JinjaValue, _ sign: String, _ right: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch (sign, left, right) {
        case ("+", .text(let a), .text(let b)):
            try spend((a.count + b.count) / 16)
            return .text(a + b)
        case ("+", .list(let a), .list(let b)):
            try spend(a.count + b.count)
            return .list(a + b)
        case ("+", .tuple(let a), .tuple(let b)):
            try spend(a.count + b.count)
            return .tuple(a + b)
        case ("*", .text, _), ("*", .list, _): return try repeated(left, right)
        case ("*", _, .text), ("*", _, .list): return try repeated(right, left)
        case ("%", .text(let format), _): return .text(try formatted(format, right.tupleElements ?? [right]))
        default: return try number(left, sign, right)
        }
    }

    private mutating func repeated(_ value: JinjaValue, _ times: JinjaValue) throws(JinjaError) -> JinjaValue {
        guard let wanted = times.integer else { throw failure("\(value.kind) can be repeated a whole number of times, not by \(times.kind)") }
        let count = max(0, min(wanted, 1 << 30))
        if case .text(let text) = value {
            try spend(text.count * count / 16 + count)
            return .text((0..<count).reduce(into: TracedText()) { whole, _ in whole.append(text) })
        }
        let elements = value.elements ?? []
        try spend((elements.count + 1) * count)
        return .list((0..<count).flatMap { _ in elements })
    }

    private func number(_ left: JinjaValue, _ sign: String, _ right: JinjaValue) throws(JinjaError) -> JinjaValue {
        if let a = left.integer, let b = right.integer, sign != "/" { return try whole(a, sign, b) }
        guard let a = left.double, let b = right.double else { throw failure("\(left.kind) \(sign) \(right.kind) has no meaning") }
        if b == 0, ["/", "//", "%"].contains(sign) { throw failure("division by zero") }
        switch sign {
        case "+": return .number(a + b)
        case "-": return .number(a - b)
        case "*": return .number(a * b)
        case "/": return .number(a / b)
        case "//": return .number((a / b).rounded(.down))
        case "%": return .number(a - b * (a / b).rounded(.down))
        default: return .number(pow(a, b))
        }
    }

    private func whole(_ a: Int, _ sign: String, _ b: Int) throws(JinjaError) -> JinjaValue {
        let result: (partialValue: Int, overflow: Bool)
        switch sign {
        case "+": result = a.addingReportingOverflow(b)
        case "-": result = a.subtractingReportingOverflow(b)
        case "*": result = a.multipliedReportingOverflow(by: b)
        case "//", "%":
            guard b != 0 else { throw failure("division by zero") }
            let quotient = a.dividedReportingOverflow(by: b), rest = a.remainderReportingOverflow(dividingBy: b)
            let isBelow = rest.partialValue != 0 && (rest.partialValue < 0) != (b < 0)
            result = sign == "//" ? (quotient.partialValue - (isBelow ? 1 : 0), quotient.overflow) : (rest.partialValue + (isBelow ? b : 0), rest.overflow)
        default:
            if b < 0 { return .number(pow(Double(a), Double(b))) }
            result = Self.power(a, b)
        }
        guard !result.overflow else { throw failure("a whole number of more than 64 bits") }
        return .integer(result.partialValue)
    }

    private static func power(_ base: Int, _ exponent: Int) -> (partialValue: Int, overflow: Bool) {
        if base == 0 || base == 1 || exponent == 0 { return (exponent == 0 ? 1 : base, false) }
        if base == -1 { return (exponent.isMultiple(of: 2) ? 1 : -1, false) }
        var value = 1
        for _ in 0..<exponent {
            let (next, overflow) = value.multipliedReportingOverflow(by: base)
            if overflow { return (0, true) }
            value = next
        }
        return (value, false)
    }

    /// `%`-formatting, of `%s`, `%d`, `%r` and `%%`.
    mutating func formatted(_ format: TracedText, _ values: [JinjaValue]) throws(JinjaError) -> TracedText {
        var result = TracedText(), place = 0, used = 0
        for at in format.occurrences(of: [UInt8(ascii: "%")]) where at >= place {
            result.append(format[place..<at])
            let kind = at + 1 < format.count ? format.bytes[at + 1] : 0
            place = min(at + 2, format.count)
            if kind == UInt8(ascii: "%") { result.append("%"); continue }
            guard "sdr".utf8.contains(kind) else { throw failure(.unsupported, "of `%` in text, only %s, %d, %r and %% are supported") }
            guard used < values.count else { throw failure("fewer values than the text has places for") }
            result.append(try kind == UInt8(ascii: "r") ? representation(values[used]) : text(values[used]))
            used += 1
        }
        guard used == values.count else { throw failure("more values than the text has places for") }
        result.append(format[place..<format.count])
        return result
    }
}

extension JinjaValue {
    fileprivate var tupleElements: [JinjaValue]? { if case .tuple(let elements) = self { elements } else { nil } }
}
