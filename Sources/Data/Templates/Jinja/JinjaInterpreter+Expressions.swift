/// The values of expressions.
extension JinjaInterpreter {
    mutating func evaluate(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
        try spend()
        switch expression {
        case .text(let text): return .text(TracedText(text))
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .bool(let value): return .bool(value)
        case .none: return .none
        case .name(let name): return scope.value(name.number) ?? .undefined("`\(name.text)`")
        default:
            try deeper()
            defer { shallower() }
            return try compound(expression)
        }
    }

    private mutating func compound(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
        switch expression {
        case .list(let elements): return try weighed(.list(try evaluate(all: elements)))
        case .tuple(let elements): return try weighed(.tuple(try evaluate(all: elements)))
        case .dictionary(let pairs): return try dictionary(pairs)
        case .postfix(let base, let steps): return try applied(steps, try evaluate(base))
        case .negated(let operand): return try negative(try evaluate(operand))
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .all(let parts): return try first(of: parts, whoseTruthIs: false)
        case .any(let parts): return try first(of: parts, whoseTruthIs: true)
        case .arithmetic(let first, let steps): return try arithmetic(first, steps)
        case .comparison(let first, let steps): return .bool(try comparison(first, steps))
        case .joined(let parts): return try joined(parts)
        case .conditional(let test, let then, let otherwise): return try choice(test, then, otherwise)
        default: throw failure("an expression without a value")
        }
    }

    mutating func evaluate(all expressions: [JinjaExpression]) throws(JinjaError) -> [JinjaValue] {
        var values: [JinjaValue] = []
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private mutating func dictionary(_ pairs: [JinjaPair]) throws(JinjaError) -> JinjaValue {
        var dictionary = JinjaDictionary()
        for pair in pairs { try set(try evaluate(pair.key), try evaluate(pair.value), in: &dictionary) }
        return try weighed(.dictionary(dictionary))
    }

    mutating func set(_ key: JinjaValue, _ value: JinjaValue, in dictionary: inout JinjaDictionary) throws(JinjaError) {
        guard key.isHashable else { throw failure("\(key.kind) cannot be a key") }
        try spend(dictionary.entries.count / 8)
        dictionary.set(key, value)
    }

    private mutating func first(of parts: [JinjaExpression], whoseTruthIs wanted: Bool) throws(JinjaError) -> JinjaValue {
        for part in parts.dropLast() {
            let value = try evaluate(part)
            if value.isTrue == wanted { return value }
        }
        return try evaluate(parts[parts.count - 1])
    }

    private mutating func choice(_ test: JinjaExpression, _ then: JinjaExpression, _ otherwise: JinjaExpression?) throws(JinjaError) -> JinjaValue {
        if try evaluate(test).isTrue { return try evaluate(then) }
        guard let otherwise else { return .undefined("a choice without `else`") }
        return try evaluate(otherwise)
    }

    private mutating func joined(_ parts: [JinjaExpression]) throws(JinjaError) -> JinjaValue {
        var whole = TracedText()
        for part in parts {
            let next = try text(try evaluate(part))
            try spend(next.count / 16)
            whole.append(next)
        }
        return .text(whole)
    }

    private mutating func negative(_ value: JinjaValue) throws(JinjaError) -> JinjaValue {
        if let integer = value.integer, integer != .min { return .integer(-integer) }
        guard case .number(let number) = value else { throw failure("\(value.kind) has no negative") }
        return .number(-number)
    }

    // MARK: Comparison

    private mutating func comparison(_ first: JinjaExpression, _ steps: [JinjaStep]) throws(JinjaError) -> Bool {
        var left = try evaluate(first)
        for step in steps {
            let right = try evaluate(step.operand)
            guard try holds(step.sign, left, right) else { return false }
            left = right
        }
        return true
    }

    mutating func holds(_ sign: String, _ left: JinjaValue, _ right: JinjaValue) throws(JinjaError) -> Bool {
        switch sign {
        case "==": return try equal(left, right)
        case "!=": return try !equal(left, right)
        case "in": return try contains(right, left)
        case "not in": return try !contains(right, left)
        default:
            try weigh(left)
            let order = try order(left, right)
            switch sign {
            case "<": return order < 0
            case "<=": return order <= 0
            case ">": return order > 0
            default: return order >= 0
            }
        }
    }

    mutating func equal(_ left: JinjaValue, _ right: JinjaValue) throws(JinjaError) -> Bool {
        switch left {
        case .list, .tuple, .dictionary, .text, .iterable: try weigh(left)
        default: break
        }
        return left == right
    }

    /// Below, at or above 0 as `left` comes before, with or after `right`.
    func order(_ left: JinjaValue, _ right: JinjaValue) throws(JinjaError) -> Int {
        if case .text(let a) = left, case .text(let b) = right {
            return a.bytes == b.bytes ? 0 : a.bytes.lexicographicallyPrecedes(b.bytes) ? -1 : 1
        }
        if let a = left.integer, let b = right.integer { return a == b ? 0 : a < b ? -1 : 1 }
        if let a = left.double, let b = right.double { return a == b ? 0 : a < b ? -1 : 1 }
        switch (left, right) {
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a, b) where x != y { return try order(x, y) }
            return a.count - b.count
        default: throw failure("\(left.kind) and \(right.kind) have no order")
        }
    }

    mutating func contains(_ whole: JinjaValue, _ part: JinjaValue) throws(JinjaError) -> Bool {
        switch whole {
        case .text(let text):
            guard case .text(let pattern) = part else { throw failure("only text can be in text, not \(part.kind)") }
            try spend((text.count + pattern.count) / 8)
            return text.find(pattern.bytes) != nil
        case .dictionary(let dictionary):
            guard part.isHashable else { throw failure("\(part.kind) cannot be a key") }
            try weigh(part)
            try spend(dictionary.entries.count / 8)
            return dictionary[part] != nil
        case .undefined: return false
        case .list(let elements), .tuple(let elements):
            try weigh(whole)
            return elements.contains(part)
        case .iterable(let iterable):
            try weigh(whole)
            // A generator is used up to the place.
            while let next = iterable.take(iterable.kind == .generator ? 1 : .max).first {
                guard iterable.kind == .generator else { return iterable.elements.contains(part) }
                if next == part { return true }
            }
            return false
        default: throw failure("nothing can be in \(whole.kind)")
        }
    }
}
