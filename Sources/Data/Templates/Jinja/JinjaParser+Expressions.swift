/// Expressions, in Jinja's order of ranks.
extension JinjaParser {
    mutating func expression() throws(JinjaError) -> JinjaExpression { try conditional() }

    /// One expression, or several with commas between.
    mutating func tuple(conditional isConditional: Bool = true) throws(JinjaError) -> JinjaExpression {
        let first = try element(isConditional)
        guard current == .sign(",") else { return first }
        var elements = [first]
        while take(",") {
            if endsTuple { break }
            elements.append(try element(isConditional))
        }
        return .tuple(elements)
    }

    private mutating func element(_ isConditional: Bool) throws(JinjaError) -> JinjaExpression {
        if isConditional { return try conditional() }
        return try disjunction()
    }

    private var endsTuple: Bool {
        switch current {
        case .outputEnd, .blockEnd, .sign(")"), .name("in"), .name("recursive"), .name("if"): true
        default: false
        }
    }

    private mutating func conditional() throws(JinjaError) -> JinjaExpression {
        try deeper()
        defer { shallower() }
        var value = try disjunction(), levels = 0
        defer { for _ in 0..<levels { shallower() } }
        while takeWord("if") {
            if case .conditional = value {
                try deeper()
                levels += 1
            }
            let test = try disjunction()
            let otherwise: JinjaExpression? = try takeWord("else") ? conditional() : nil
            value = .conditional(test, then: value, otherwise: otherwise)
        }
        return value
    }

    private mutating func disjunction() throws(JinjaError) -> JinjaExpression {
        var parts = [try conjunction()]
        while takeWord("or") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func conjunction() throws(JinjaError) -> JinjaExpression {
        var parts = [try negation()]
        while takeWord("and") { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func negation() throws(JinjaError) -> JinjaExpression {
        var isNegated = false, wasNegated = false
        while takeWord("not") { (isNegated, wasNegated) = (!isNegated, true) }
        let value = try comparison()
        return isNegated ? .not(value) : wasNegated ? .not(.not(value)) : value
    }

    private mutating func comparison() throws(JinjaError) -> JinjaExpression {
        let first = try sum()
        var steps: [JinjaStep] = []
        while let sign = comparisonSign() { steps.append(JinjaStep(sign: sign, operand: try sum())) }
        return steps.isEmpty ? first : .comparison(first, steps)
    }

    private mutating func comparisonSign() -> String? {
        for sign in ["==", "!=", "<=", ">=", "<", ">"] where take(sign) { return sign }
        if takeWord("in") { return "in" }
        return takeNotIn() ? "not in" : nil
    }

    private mutating func sum() throws(JinjaError) -> JinjaExpression {
        let first = try joined()
        var steps: [JinjaStep] = []
        while let sign = sign(["+", "-"]) { steps.append(JinjaStep(sign: sign, operand: try joined())) }
        return steps.isEmpty ? first : .arithmetic(first, steps)
    }

    private mutating func joined() throws(JinjaError) -> JinjaExpression {
        var parts = [try product()]
        while take("~") { parts.append(try product()) }
        return parts.count == 1 ? parts[0] : .joined(parts)
    }

    private mutating func product() throws(JinjaError) -> JinjaExpression {
        let first = try power()
        var steps: [JinjaStep] = []
        while let sign = sign(["*", "//", "/", "%"]) { steps.append(JinjaStep(sign: sign, operand: try power())) }
        return steps.isEmpty ? first : .arithmetic(first, steps)
    }

    private mutating func power() throws(JinjaError) -> JinjaExpression {
        let first = try unary(filtered: true)
        var steps: [JinjaStep] = []
        while take("**") { steps.append(JinjaStep(sign: "**", operand: try unary(filtered: true))) }
        return steps.isEmpty ? first : .arithmetic(first, steps)
    }

    private mutating func sign(_ signs: [String]) -> String? {
        for sign in signs where take(sign) { return sign }
        return nil
    }

    private mutating func unary(filtered: Bool) throws(JinjaError) -> JinjaExpression {
        if current == .sign("-") || current == .sign("+") {
            try deeper()
            defer { shallower() }
            let isNegative = take("-")
            if !isNegative { advance() }
            let value = JinjaExpression.negated(try unary(filtered: false))
            // `+` makes a number of a Boolean, and refuses what is none, as two `-` do.
            return try postfix(isNegative ? value : .negated(value), plain: false, filtered: filtered)
        }
        return try postfix(try primary(), plain: true, filtered: filtered)
    }

    /// What follows a value: first attributes, subscripts and calls, then filters, tests and calls.
    private mutating func postfix(_ value: JinjaExpression, plain: Bool, filtered: Bool) throws(JinjaError) -> JinjaExpression {
        var steps: [JinjaPostfix] = []
        while plain, let step = try accessor() { steps.append(step) }
        while filtered {
            if take("|") {
                steps.append(try filterCall())
            } else if takeWord("is") {
                steps.append(try test())
            } else if current == .sign("(") {
                steps.append(.call(try arguments()))
            } else {
                break
            }
        }
        return steps.isEmpty ? value : .postfix(value, steps)
    }

    private mutating func accessor() throws(JinjaError) -> JinjaPostfix? {
        if take(".") {
            if case .integer(let index) = current {
                advance()
                return .subscript_(.integer(index))
            }
            let name = try word()
            words.insert(name)
            return .attribute(name)
        }
        if take("[") { return try subscripts() }
        guard current == .sign("(") else { return nil }
        return .call(try arguments())
    }

    private mutating func subscripts() throws(JinjaError) -> JinjaPostfix {
        var parts: [JinjaExpression?] = [nil], isSlice = false
        while !take("]") {
            if take(":") {
                isSlice = true
                parts.append(nil)
            } else if parts[parts.count - 1] == nil {
                parts[parts.count - 1] = try tuple()
            } else {
                throw unexpected()
            }
        }
        guard isSlice else {
            guard let key = parts[0] else { throw failure("`[]` names no element") }
            return .subscript_(key)
        }
        guard parts.count <= 3 else { throw failure("a slice has three parts at most") }
        return .slice(parts[0], parts[1], parts.count > 2 ? parts[2] : nil)
    }

    mutating func filterCall() throws(JinjaError) -> JinjaPostfix {
        let line = line, name = try dottedName()
        guard JinjaInterpreter.filters[name] != nil else {
            throw JinjaError(kind: .unsupported, line: line, message: "the filter `\(name)` is not supported")
        }
        if name == "safe" { safeFilters += 1 }
        return .filter(name, try current == .sign("(") ? arguments() : JinjaArguments())
    }

    private mutating func dottedName() throws(JinjaError) -> String {
        var name = try word()
        while take(".") { name += "." + (try word()) }
        return name
    }

    private mutating func test() throws(JinjaError) -> JinjaPostfix {
        let isNegated = takeWord("not"), line = line, name = try dottedName()
        guard JinjaInterpreter.tests.contains(name) else {
            throw JinjaError(kind: .unsupported, line: line, message: "the test `\(name)` is not supported")
        }
        return .test(name, try testArguments(), negated: isNegated)
    }

    private mutating func testArguments() throws(JinjaError) -> JinjaArguments {
        switch current {
        case .sign("("): return try arguments()
        case .name("else"), .name("or"), .name("and"): return JinjaArguments()
        case .name("is"): throw failure("tests cannot follow each other")
        case .name, .string, .integer, .number, .sign("["), .sign("{"):
            return JinjaArguments(values: [try postfix(try primary(), plain: true, filtered: false)])
        default: return JinjaArguments()
        }
    }

    mutating func arguments() throws(JinjaError) -> JinjaArguments {
        try expectSign("(")
        var arguments = JinjaArguments(), isFirst = true
        while !take(")") {
            if !isFirst { try expectSign(",") }
            isFirst = false
            if take(")") { break }
            if current == .sign("*") || current == .sign("**") {
                throw JinjaError(kind: .unsupported, line: line, message: "`*` and `**` before arguments are not supported")
            }
            let value = try expression()
            if take("=") {
                guard case .name(let name) = value else { throw failure("an argument's name must be a word") }
                words.insert(name.text)
                arguments.named.append((name.text, try expression()))
            } else {
                guard arguments.named.isEmpty else { throw failure("arguments without a name come first") }
                arguments.values.append(value)
            }
        }
        return arguments
    }

    private mutating func primary() throws(JinjaError) -> JinjaExpression {
        let token = current
        switch token {
        case .name("true"), .name("True"): advance(); return .bool(true)
        case .name("false"), .name("False"): advance(); return .bool(false)
        case .name("none"), .name("None"): advance(); return .none
        case .name(let word):
            if ["varargs", "kwargs", "self", "super", "lipsum", "cycler", "joiner"].contains(word) {
                throw JinjaError(kind: .unsupported, line: line, message: "`\(word)` is not supported")
            }
            if word == "caller" { usesCaller = true }
            return .name(try name())
        case .integer(let value): advance(); return .integer(value)
        case .number(let value): advance(); return .number(value)
        case .string: return try strings()
        case .sign("("): return try parenthesis()
        case .sign("["): return .list(try listElements())
        case .sign("{"): return try dictionary()
        default: throw unexpected()
        }
    }

    /// Strings that follow each other are one.
    private mutating func strings() throws(JinjaError) -> JinjaExpression {
        var text: [UInt8] = []
        while case .string(let part) = current {
            text += part
            advance()
        }
        words.insert(String(decoding: text, as: UTF8.self))
        return .text(text)
    }

    private mutating func parenthesis() throws(JinjaError) -> JinjaExpression {
        advance()
        if take(")") { return .tuple([]) }
        let value = try tuple()
        try expectSign(")")
        return value
    }

    private mutating func listElements() throws(JinjaError) -> [JinjaExpression] {
        advance()
        var elements: [JinjaExpression] = []
        while !take("]") {
            if !elements.isEmpty { try expectSign(",") }
            if take("]") { break }
            elements.append(try expression())
        }
        return elements
    }

    private mutating func dictionary() throws(JinjaError) -> JinjaExpression {
        advance()
        var pairs: [JinjaPair] = []
        while !take("}") {
            if !pairs.isEmpty { try expectSign(",") }
            if take("}") { break }
            let key = try expression()
            try expectSign(":")
            pairs.append(JinjaPair(key: key, value: try expression()))
        }
        return .dictionary(pairs)
    }
}
