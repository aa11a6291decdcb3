import Foundation

/// `value is test`.
extension JinjaInterpreter {
    static let tests: Set<String> = plainTests.union(comparingTests.keys).union(["divisibleby", "sameas"])

    private static let plainTests: Set<String> = [
        "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "boolean", "true", "false", "integer", "float", "number", "callable",
        "odd", "even", "lower", "upper",
    ]
    private static let comparingTests: [String: String] = [
        "in": "in", "eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "<": "<", "le": "<=", "<=": "<=", "gt": ">",
        "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=",
    ]

    mutating func test(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> Bool {
        guard call.named.isEmpty, call.values.count == (Self.plainTests.contains(name) ? 0 : 1) else {
            throw failure(.unsupported, "the test `\(name)` takes \(Self.plainTests.contains(name) ? "no argument" : "one argument, without a name")")
        }
        let arguments = call.values
        switch name {
        case "defined": return !value.isUndefined && !value.isClock
        case "undefined": return value.isUndefined || value.isClock
        case "none": if case .none = value { return true } else { return false }
        case "string": if case .text = value { return true } else { return false }
        case "mapping": if case .dictionary = value { return true } else { return false }
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .number = value { return true } else { return false }
        case "number": return value.double != nil
        case "callable": if case .function = value { return true } else { return false }
        case "iterable", "sequence":
            switch value {
            case .iterable(let iterable): return name == "iterable" || iterable.kind == .range
            case .undefined, .text, .list, .tuple, .dictionary: return true
            default: return false
            }
        case "odd", "even", "divisibleby": return try divides(name, value, arguments)
        case "lower", "upper":
            let text = try text(value)
            try spend(text.count / 4)
            return Self.holds("is" + name, text.string)
        case "sameas": return try isSame(value, arguments[0])
        default: return try holds(Self.comparingTests[name] ?? "==", value, arguments[0])
        }
    }

    private func divides(_ name: String, _ value: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> Bool {
        let divisor = arguments.first ?? .integer(2)
        if let integer = value.integer, let divisor = divisor.integer, divisor != 0 {
            return (integer.remainderReportingOverflow(dividingBy: divisor).partialValue == 0) != (name == "odd")
        }
        guard let number = value.double, let divisor = divisor.double, divisor != 0 else { throw failure("`\(name)` tests numbers") }
        let rest = fmod(number, divisor)
        return name == "odd" ? abs(rest) == 1 : rest == 0
    }

    /// Whether both are one object of Python, which is plain for `none` and Booleans only.
    private func isSame(_ value: JinjaValue, _ other: JinjaValue) throws(JinjaError) -> Bool {
        switch (value, other) {
        case (.none, .none): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.none, _), (_, .none), (.bool, _), (_, .bool): return false
        default: throw failure(.unsupported, "`sameas` is supported for none, true and false")
        }
    }
}
