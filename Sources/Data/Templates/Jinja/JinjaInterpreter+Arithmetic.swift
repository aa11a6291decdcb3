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
            try spend((a.count + b.count) * 4)
            return .list(a + b)
        case ("+", .tuple(let a), .tuple(let b)):
            try spend((a.count + b.count) * 4)
            return .tuple(a + b)
        case ("*", .text, _), ("*", .list, _), ("*", .tuple, _): return try repeated(left, right)
        case ("*", _, .text), ("*", _, .list), ("*", _, .tuple): return try repeated(right, left)
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
        try spend((elements.count * 4 + 1) * count)
        let whole = (0..<count).flatMap { _ in elements }
        if case .tuple = value { return .tuple(whole) }
        return .list(whole)
    }

    private func number(_ left: JinjaValue, _ sign: String, _ right: JinjaValue) throws(JinjaError) -> JinjaValue {
        if let a = left.integer, let b = right.integer, sign != "/" { return try whole(a, sign, b) }
        guard let a = left.double, let b = right.double else { throw failure("\(left.kind) \(sign) \(right.kind) has no meaning") }
        if b == 0, ["/", "//", "%"].contains(sign) { throw failure("division by zero") }
        switch sign {
        case "+": return .number(a + b)
        case "-": return .number(a - b)
        case "*": return .number(a * b)
        case "/":
            guard [left, right].allSatisfy({ $0.integer?.magnitude ?? 0 <= 1 << 53 }) else { throw failure(.unsupported, "whole numbers above 2^53 are not divided") }
            return .number(a / b)
        case "//": return .number(Self.division(a, b).quotient)
        case "%": return .number(Self.division(a, b).rest)
        default: return .number(try power(a, b))
        }
    }

    /// The quotient rounded down and what is left, which has the sign of `b`, as Python computes them.
    private static func division(_ a: Double, _ b: Double) -> (quotient: Double, rest: Double) {
        var rest = fmod(a, b), quotient = (a - rest) / b
        if rest == 0 {
            rest = b < 0 ? -0.0 : 0.0
        } else if (b < 0) != (rest < 0) {
            rest += b
            quotient -= 1
        }
        guard quotient != 0 else { return ((a / b).sign == .minus ? -0.0 : 0.0, rest) }
        let floor = quotient.rounded(.down)
        return (quotient - floor > 0.5 ? floor + 1 : floor, rest)
    }

    private func power(_ base: Double, _ exponent: Double) throws(JinjaError) -> Double {
        if base == 0, exponent < 0 { throw failure("0 to a power below 0") }
        let value = pow(base, exponent)
        guard value.isFinite || !base.isFinite || !exponent.isFinite else { throw failure("\(base) to the power of \(exponent) is no number") }
        return value
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
            if b < 0 { return .number(try power(Double(a), Double(b))) }
            result = Self.power(a, b)
        }
        guard !result.overflow else { throw failure(.unsupported, "a whole number of more than 64 bits") }
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
            try spend(1 + (at - place) / 16)
            result.append(format[place..<at])
            let kind = at + 1 < format.count ? format.bytes[at + 1] : 0
            place = min(at + 2, format.count)
            if kind == UInt8(ascii: "%") { result.append("%"); continue }
            guard "sdr".utf8.contains(kind) else { throw failure(.unsupported, "of `%` in text, only %s, %d, %r and %% are supported") }
            guard used < values.count else { throw failure("fewer values than the text has places for") }
            let part = switch kind {
            case UInt8(ascii: "r"): try representation(values[used])
            case UInt8(ascii: "d"): TracedText(String(try wholePart(values[used])))
            default: try text(values[used])
            }
            try spend(part.count / 16)
            result.append(part)
            used += 1
        }
        guard used == values.count else { throw failure("more values than the text has places for") }
        result.append(format[place..<format.count])
        return result
    }

    private func wholePart(_ value: JinjaValue) throws(JinjaError) -> Int {
        if let integer = value.integer { return integer }
        guard case .number(let number) = value, let integer = Int(exactly: number.rounded(.towardZero)) else { throw failure("`%d` writes a number, not \(value.kind)") }
        return integer
    }
}

extension JinjaValue {
    fileprivate var tupleElements: [JinjaValue]? { if case .tuple(let elements) = self { elements } else { nil } }
}
