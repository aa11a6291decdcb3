/// A template as statements.
struct JinjaTemplate: Sendable {
    let statements: [JinjaStatement]
    /// The number of each variable's spelling.
    private let numbers: [String: Int]
    /// Names of attributes and strings that the template holds, by which it can ask for a message's parts.
    let words: Set<String>

    init(_ source: String) throws(JinjaError) {
        guard source.utf8.count <= 1 << 20 else {
            throw JinjaError(kind: .limit, line: 1, message: "the template has \(source.utf8.count) bytes; more than \(1 << 20) are not read")
        }
        var parser = JinjaParser(try JinjaLexer.tokens(of: source))
        statements = try parser.template()
        numbers = parser.numbers
        words = parser.words
    }

    /// The number of a variable, if the template knows it.
    func number(of name: String) -> Int? { numbers[name] }
}

/// Reads statements; expressions are read in `JinjaParser+Expressions.swift`.
struct JinjaParser {
    /// Levels of brackets, blocks and operators inside each other.
    static let depthLimit = 64

    private let tokens: [JinjaLexer.Placed]
    private var at = 0
    private(set) var numbers: [String: Int] = [:]
    var words: Set<String> = []
    private var depth = 0
    private var loops = 0
    /// Whether the macro that is read asks for its `caller`.
    var usesCaller = false
    /// Uses of the filter `safe` in the statement that is read.
    var safeFilters = 0

    init(_ tokens: [JinjaLexer.Placed]) { self.tokens = tokens }

    mutating func template() throws(JinjaError) -> [JinjaStatement] {
        let body = try statements(until: [])
        guard current == .end else { throw unexpected() }
        return body
    }

    /// Statements up to a tag that begins with one of `ends`, which is left to be read.
    private mutating func statements(until ends: [String]) throws(JinjaError) -> [JinjaStatement] {
        try deeper()
        defer { depth -= 1 }
        var body: [JinjaStatement] = []
        while current != .end {
            let line = line
            try refuseSafe()
            switch current {
            case .text(let text):
                advance()
                body.append(JinjaStatement(line: line, kind: .text(text)))
            case .outputStart:
                advance()
                body.append(JinjaStatement(line: line, kind: .output(try written())))
                try expect(.outputEnd)
            case .blockStart:
                if case .name(let word) = next, ends.contains(word) { return body }
                advance()
                body.append(JinjaStatement(line: line, kind: try block()))
            default: throw unexpected()
            }
        }
        try refuseSafe()
        if !ends.isEmpty { throw failure("the template ends before `\(ends[ends.count - 1])`") }
        return body
    }

    private mutating func block() throws(JinjaError) -> JinjaStatement.Kind {
        let word = try word()
        switch word {
        case "if": return try condition()
        case "for": return try loop()
        case "set": return try set()
        case "macro": return .macro(try macro(name: try name(), end: "endmacro"))
        case "call": return try call()
        case "filter": return try filter()
        case "with": return try with()
        case "generation": return .generation(body: try capturedBody(until: "endgeneration"))
        case "break", "continue":
            guard loops > 0 else { throw failure("`\(word)` stands outside a loop, or in a block inside it whose text is kept") }
            try expect(.blockEnd)
            return word == "break" ? .breakLoop : .continueLoop
        case "block", "extends", "include", "import", "from", "autoescape", "do", "trans", "debug", "print":
            throw JinjaError(kind: .unsupported, line: line, message: "`{% \(word) %}` is not supported")
        default: throw failure("`{% \(word) %}` is no tag, or closes nothing")
        }
    }

    /// The end of a tag, and the statements up to the tag `end`.
    private mutating func body(until end: String) throws(JinjaError) -> [JinjaStatement] {
        try expect(.blockEnd)
        let body = try statements(until: [end])
        advance()
        advance()
        try expect(.blockEnd)
        return body
    }

    /// The same for a block whose text is kept: a loop around it cannot be left from inside.
    private mutating func capturedBody(until end: String) throws(JinjaError) -> [JinjaStatement] {
        let outer = loops
        loops = 0
        defer { loops = outer }
        return try body(until: end)
    }

    /// What `{{ }}` writes. The text of `safe` is of a kind of its own in the reference: it may be written, and nothing else.
    private mutating func written() throws(JinjaError) -> JinjaExpression {
        let value = try tuple()
        if safeFilters == 1, case .postfix(_, let steps) = value, case .filter("safe", _)? = steps.last { safeFilters = 0 }
        return value
    }

    private func refuseSafe() throws(JinjaError) {
        guard safeFilters > 0 else { return }
        throw JinjaError(kind: .unsupported, line: line, message: "`safe` is supported as the last filter of what `{{ }}` writes")
    }

    private mutating func condition() throws(JinjaError) -> JinjaStatement.Kind {
        var branches: [(test: JinjaExpression, body: [JinjaStatement])] = []
        while true {
            let test = try tuple(conditional: false)
            try expect(.blockEnd)
            branches.append((test, try statements(until: ["elif", "else", "endif"])))
            advance()
            switch try word() {
            case "elif": continue
            case "else": return .condition(branches, otherwise: try body(until: "endif"))
            default:
                try expect(.blockEnd)
                return .condition(branches, otherwise: [])
            }
        }
    }

    private mutating func loop() throws(JinjaError) -> JinjaStatement.Kind {
        let target = try target(attributes: false)
        guard !target.holds("loop") else { throw failure("`loop` cannot be the name of a loop's variable") }
        guard takeWord("in") else { throw unexpected() }
        let source = try tuple(conditional: false)
        let filter: JinjaExpression? = try takeWord("if") ? expression() : nil
        if takeWord("recursive") { throw JinjaError(kind: .unsupported, line: line, message: "`recursive` loops are not supported") }
        try expect(.blockEnd)
        loops += 1
        let body = try statements(until: ["else", "endfor"])
        loops -= 1
        advance()
        let hasElse = try word() == "else"
        let otherwise = try hasElse ? self.body(until: "endfor") : closed()
        return .loop(JinjaLoopDefinition(target: target, source: source, filter: filter, body: body, otherwise: otherwise))
    }

    private mutating func closed() throws(JinjaError) -> [JinjaStatement] {
        try expect(.blockEnd)
        return []
    }

    private mutating func set() throws(JinjaError) -> JinjaStatement.Kind {
        let target = try target(attributes: true)
        if take("=") {
            let value = try tuple()
            try expect(.blockEnd)
            return .set(target, value)
        }
        let filters = try self.filters()
        return .capture(target, filters, body: try capturedBody(until: "endset"))
    }

    private mutating func filters() throws(JinjaError) -> [JinjaPostfix] {
        var filters: [JinjaPostfix] = []
        while take("|") { filters.append(try filterCall()) }
        return filters
    }

    private mutating func filter() throws(JinjaError) -> JinjaStatement.Kind {
        let filters = [try filterCall()] + (try self.filters())
        return .filter(filters, body: try capturedBody(until: "endfilter"))
    }

    private mutating func macro(name: JinjaName, end: String) throws(JinjaError) -> JinjaMacroDefinition {
        let parameters = try self.parameters(), outer = usesCaller
        usesCaller = false
        defer { usesCaller = usesCaller || outer }
        let body = try capturedBody(until: end)
        return JinjaMacroDefinition(name: name, parameters: parameters, usesCaller: usesCaller, body: body)
    }

    private mutating func parameters() throws(JinjaError) -> [(name: JinjaName, defaultValue: JinjaExpression?)] {
        var parameters: [(name: JinjaName, defaultValue: JinjaExpression?)] = [], names: Set<Int> = []
        try expectSign("(")
        while !take(")") {
            if !parameters.isEmpty { try expectSign(",") }
            let name = try name()
            guard names.insert(name.number).inserted else { throw failure("two arguments of the name `\(name.text)`") }
            let value: JinjaExpression? = try take("=") ? expression() : nil
            if value == nil, let last = parameters.last, last.defaultValue != nil { throw failure("an argument without a default after one with it") }
            parameters.append((name, value))
        }
        return parameters
    }

    private mutating func call() throws(JinjaError) -> JinjaStatement.Kind {
        let parameters = try current == .sign("(") ? self.parameters() : []
        guard case .postfix(let base, let steps) = try expression(), case .call(let arguments)? = steps.last else { throw failure("`{% call %}` wants the call of a macro") }
        let macro: JinjaExpression = steps.count > 1 ? .postfix(base, steps.dropLast()) : base
        let body = try capturedBody(until: "endcall")
        return .call(macro, arguments, JinjaMacroDefinition(name: variable("caller"), parameters: parameters, usesCaller: false, body: body))
    }

    private mutating func with() throws(JinjaError) -> JinjaStatement.Kind {
        var values: [(target: JinjaTarget, value: JinjaExpression)] = []
        while current != .blockEnd {
            if !values.isEmpty { try expectSign(",") }
            let target = try singleTarget(attributes: false)
            try expectSign("=")
            values.append((target, try expression()))
        }
        return .with(values, body: try body(until: "endwith"))
    }

    private mutating func target(attributes: Bool) throws(JinjaError) -> JinjaTarget {
        var targets = [try singleTarget(attributes: attributes)], isTuple = false
        while take(",") {
            isTuple = true
            if current == .name("in") { break }
            targets.append(try singleTarget(attributes: false))
        }
        return isTuple ? .tuple(targets) : targets[0]
    }

    private mutating func singleTarget(attributes: Bool) throws(JinjaError) -> JinjaTarget {
        if take("(") {
            try deeper()
            defer { depth -= 1 }
            let inner = try target(attributes: false)
            try expectSign(")")
            return inner
        }
        let name = try name()
        guard attributes, take(".") else { return .name(name) }
        return .attribute(name, try word())
    }

    // MARK: Tokens

    var current: JinjaLexer.Token { tokens[at].token }
    private var next: JinjaLexer.Token { at + 1 < tokens.count ? tokens[at + 1].token : .end }
    var line: Int { tokens[at].line }

    mutating func advance() { if at + 1 < tokens.count { at += 1 } }

    mutating func take(_ sign: String) -> Bool {
        guard current == .sign(sign) else { return false }
        advance()
        return true
    }

    mutating func takeWord(_ word: String) -> Bool {
        guard current == .name(word) else { return false }
        advance()
        return true
    }

    /// Whether `not in` comes next; takes it.
    mutating func takeNotIn() -> Bool {
        guard current == .name("not"), next == .name("in") else { return false }
        advance()
        advance()
        return true
    }

    mutating func expect(_ token: JinjaLexer.Token) throws(JinjaError) {
        guard current == token else { throw unexpected() }
        advance()
    }

    mutating func expectSign(_ sign: String) throws(JinjaError) { try expect(.sign(sign)) }

    mutating func word() throws(JinjaError) -> String {
        guard case .name(let word) = current else { throw unexpected() }
        advance()
        return word
    }

    mutating func name() throws(JinjaError) -> JinjaName {
        let word = try word()
        if ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"].contains(word) {
            throw failure("`\(word)` cannot be a name")
        }
        return variable(word)
    }

    mutating func variable(_ text: String) -> JinjaName {
        if let number = numbers[text] { return JinjaName(number: number, text: text) }
        let number = numbers.count
        numbers[text] = number
        return JinjaName(number: number, text: text)
    }

    mutating func deeper() throws(JinjaError) {
        depth += 1
        if depth > Self.depthLimit {
            throw JinjaError(kind: .limit, line: line, message: "more than \(Self.depthLimit) levels inside each other are not read")
        }
    }

    mutating func shallower() { depth -= 1 }

    func failure(_ message: String) -> JinjaError { JinjaError(kind: .syntax, line: line, message: message) }

    func unexpected() -> JinjaError {
        let found = switch current {
        case .text: "text"
        case .blockStart: "`{%`"
        case .blockEnd: "`%}`"
        case .outputStart: "`{{`"
        case .outputEnd: "`}}`"
        case .name(let word): "`\(word)`"
        case .string: "a string"
        case .integer, .number: "a number"
        case .sign(let sign): "`\(sign)`"
        case .end: "the end of the template"
        }
        return failure("\(found) is not expected here")
    }
}
