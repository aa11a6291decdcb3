/// `value is test`.
extension JinjaInterpreter {
    static let tests: Set<String> = [
        "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "boolean", "true", "false", "integer", "float", "number", "callable",
        "odd", "even", "divisibleby", "lower", "upper", "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "sameas",
        "filter", "test",
    ]

    mutating func test(_ name: String, _ value: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> Bool {
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
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
            case .undefined, .text, .list, .tuple, .dictionary: return true
            default: return false
            }
        case "filter": return Self.filters.contains(try text(value).string)
        case "test": return Self.tests.contains(try text(value).string)
        case "odd", "even", "divisibleby": return try divides(name, value, arguments)
        case "lower": return try text(value).string == text(value).string.lowercased()
        case "upper": return try text(value).string == text(value).string.uppercased()
        default: return try compares(name, value, arguments)
        }
    }

    private func divides(_ name: String, _ value: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> Bool {
        let divisor = name == "divisibleby" ? arguments.first?.integer ?? 0 : 2
        guard let integer = value.integer, divisor != 0 else { throw failure("`\(name)` tests whole numbers") }
        return (integer % divisor == 0) != (name == "odd")
    }

    private mutating func compares(_ name: String, _ value: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> Bool {
        guard let other = arguments.first else { throw failure("the test `\(name)` wants a value to compare with") }
        let signs = [
            "in": "in", "eq": "==", "equalto": "==", "==": "==", "sameas": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "le": "<=", "gt": ">",
            "greaterthan": ">", "ge": ">=",
        ]
        return try holds(signs[name] ?? "==", value, other)
    }
}
