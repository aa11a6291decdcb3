/// Runs a template, within bounds on steps, nesting and output. Knows no clock and no files, so that equal inputs give equal text.
struct JinjaInterpreter {
    /// Values and blocks inside each other, and macros that call each other.
    static let depthLimit = 90
    /// Beside what the size of the conversation asks for.
    static let baseSteps = 5_000_000

    let template: JinjaTemplate
    var output = TracedText()
    /// Bytes of the output that stand in `{% generation %}` blocks.
    private(set) var generated: [Range<Int>] = []
    var scope = JinjaScope(in: nil)
    var line = 1
    /// Macros, filters and captured blocks around the place that is written.
    private var captures = 0
    private var depth = 0
    private var steps: Int

    /// - Parameters:
    ///   - variables: by their names.
    ///   - size: about how many bytes the variables hold.
    init(_ template: JinjaTemplate, variables: [(String, JinjaValue)], size: Int) {
        self.template = template
        steps = Self.baseSteps + 200 * size
        for global in JinjaGlobal.allCases { define(global.rawValue, .function(.global(global))) }
        for (name, value) in variables { define(name, value) }
        scope = JinjaScope(in: scope)
    }

    private func define(_ name: String, _ value: JinjaValue) {
        if let number = template.number(of: name) { scope.set(number, value) }
    }

    mutating func run() throws(JinjaError) {
        _ = try run(template.statements)
    }

    // MARK: Bounds

    /// Counts work; `amount` is in elements or tens of bytes.
    mutating func spend(_ amount: Int = 1) throws(JinjaError) {
        steps -= amount
        if steps < 0 { throw failure(.limit, "the template takes more steps than any chat needs; is there a loop without an end?") }
    }

    /// Refuses what is nested too deep, and what only a variable may hold: what is in lists and objects has an end, and holds no variables.
    /// The walk counts as work, so that parts which stand in several places cannot double for ever.
    mutating func weigh(_ value: JinjaValue) throws(JinjaError) {
        try spend()
        switch value {
        case .text(let text): try spend(text.count / 64)
        case .list(let elements), .tuple(let elements): try weigh(all: elements)
        case .iterable(let iterable): try weigh(all: iterable.elements)
        case .dictionary(let dictionary):
            try spend(dictionary.entries.count * dictionary.entries.count / 16)
            for entry in dictionary.entries { try weigh(all: [entry.key, entry.value]) }
        case .namespace, .loop, .function: throw failure(.unsupported, "\(value.kind) in a list or an object is not supported")
        default: break
        }
    }

    mutating func weigh(all values: [JinjaValue]) throws(JinjaError) {
        try deeper()
        defer { shallower() }
        for value in values { try weigh(value) }
    }

    mutating func weighed(_ value: JinjaValue) throws(JinjaError) -> JinjaValue {
        try weigh(value)
        return value
    }

    mutating func deeper() throws(JinjaError) {
        depth += 1
        if depth > Self.depthLimit { throw failure(.limit, "more than \(Self.depthLimit) values, blocks and macros inside each other") }
    }

    mutating func shallower() { depth -= 1 }

    func failure(_ kind: JinjaError.Kind, _ message: String) -> JinjaError { JinjaError(kind: kind, line: line, message: message) }
    func failure(_ message: String) -> JinjaError { failure(.value, message) }

    // MARK: Statements

    enum Flow {
        case goOn, breakLoop, continueLoop
    }

    mutating func run(_ body: [JinjaStatement]) throws(JinjaError) -> Flow {
        try deeper()
        defer { shallower() }
        for statement in body {
            line = statement.line
            try spend()
            let flow = try run(statement.kind)
            if flow != .goOn { return flow }
        }
        return .goOn
    }

    private mutating func run(_ kind: JinjaStatement.Kind) throws(JinjaError) -> Flow {
        switch kind {
        case .text(let text): try write(TracedText(text))
        case .output(let expression): try write(try text(try evaluate(expression)))
        case .condition(let branches, let otherwise): return try choose(branches, otherwise)
        case .loop(let loop): try run(loop)
        case .set(let target, let value): try assign(target, try evaluate(value))
        case .capture(let target, let filters, let body): try assign(target, try applied(filters, .text(try captured(body))))
        case .macro(let macro): scope.set(macro.name.number, .function(.macro(JinjaMacro(macro, scope))))
        case .call(let macro, let arguments, let caller): try write(try text(try call(macro, arguments, caller: caller)))
        case .filter(let filters, let body): try write(try text(try applied(filters, .text(try captured(body)))))
        case .with(let values, let body): return try run(with: values, body)
        case .generation(let body): try generate(body)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .goOn
    }

    private mutating func write(_ text: TracedText) throws(JinjaError) {
        try spend(text.count / 16)
        output.append(text)
    }

    private mutating func choose(_ branches: [(test: JinjaExpression, body: [JinjaStatement])], _ otherwise: [JinjaStatement]) throws(JinjaError) -> Flow {
        for branch in branches {
            if try evaluate(branch.test).isTrue { return try run(branch.body) }
        }
        return try run(otherwise)
    }

    /// What a body writes, in a scope of its own.
    mutating func captured(_ body: [JinjaStatement], in inner: JinjaScope? = nil) throws(JinjaError) -> TracedText {
        let outer = (scope, output)
        scope = JinjaScope(in: inner ?? scope)
        output = TracedText()
        captures += 1
        defer {
            (scope, output) = outer
            captures -= 1
        }
        _ = try run(body)
        return output
    }

    private mutating func run(with values: [(target: JinjaTarget, value: JinjaExpression)], _ body: [JinjaStatement]) throws(JinjaError) -> Flow {
        let outer = scope
        defer { scope = outer }
        let inner = JinjaScope(in: scope)
        for (target, value) in values {
            let value = try evaluate(value)
            scope = inner
            try assign(target, value)
            scope = outer
        }
        scope = inner
        return try run(body)
    }

    private mutating func generate(_ body: [JinjaStatement]) throws(JinjaError) {
        let text = try captured(body), start = output.count
        try write(text)
        if captures == 0, !text.isEmpty { generated.append(start..<output.count) }
    }

    // MARK: Loops

    private mutating func run(_ definition: JinjaLoopDefinition) throws(JinjaError) {
        let items = try filtered(try elements(of: try evaluate(definition.source)), definition)
        guard !items.isEmpty else {
            _ = try run(inScope: definition.otherwise)
            return
        }
        // As in the reference, `else` is skipped once a body has been run to its end.
        if try !runBodies(definition, JinjaLoop(items)) { _ = try run(inScope: definition.otherwise) }
    }

    /// Whether a body was run to its end.
    private mutating func runBodies(_ definition: JinjaLoopDefinition, _ loop: JinjaLoop) throws(JinjaError) -> Bool {
        let outer = scope, name = template.number(of: "loop")
        defer { scope = outer }
        var isCompleted = false
        for (index, item) in loop.items.enumerated() {
            try spend()
            scope = JinjaScope(in: outer)
            loop.index = index
            if let name { scope.set(name, .loop(loop)) }
            try assign(definition.target, item)
            switch try run(definition.body) {
            case .goOn: isCompleted = true
            case .continueLoop: break
            case .breakLoop: return isCompleted
            }
        }
        return isCompleted
    }

    private mutating func run(inScope body: [JinjaStatement]) throws(JinjaError) -> Flow {
        let outer = scope
        defer { scope = outer }
        scope = JinjaScope(in: outer)
        return try run(body)
    }

    private mutating func filtered(_ items: [JinjaValue], _ definition: JinjaLoopDefinition) throws(JinjaError) -> [JinjaValue] {
        guard let filter = definition.filter else { return items }
        let outer = scope
        defer { scope = outer }
        var kept: [JinjaValue] = []
        for item in items {
            scope = JinjaScope(in: outer)
            try assign(definition.target, item)
            if try evaluate(filter).isTrue { kept.append(item) }
        }
        return kept
    }

    mutating func assign(_ target: JinjaTarget, _ value: JinjaValue) throws(JinjaError) {
        switch target {
        case .name(let name): scope.set(name.number, value)
        case .attribute(let name, let attribute):
            guard case .namespace(let space)? = scope.value(name.number) else { throw failure("`\(name.text)` is no namespace, so nothing can be set in it") }
            try setAttribute(.string(attribute), value, of: space)
        case .tuple(let targets):
            let values = try elements(of: value)
            guard values.count == targets.count else { throw failure("\(values.count) values for \(targets.count) names") }
            for (target, value) in zip(targets, values) { try assign(target, value) }
        }
    }

    mutating func setAttribute(_ key: JinjaValue, _ value: JinjaValue, of space: JinjaNamespace) throws(JinjaError) {
        if case .text(let name) = key, name.bytes.first == UInt8(ascii: "_") {
            throw failure(.unsupported, "`\(name.string)`: names in a namespace do not begin with `_`")
        }
        try spend(space.attributes.entries.count / 8)
        space.attributes.set(key, try weighed(value))
    }

    /// What a loop over the value goes through.
    mutating func elements(of value: JinjaValue) throws(JinjaError) -> [JinjaValue] {
        switch value {
        case .undefined: return []
        case .list(let elements), .tuple(let elements): return elements
        case .iterable(let iterable): return iterable.take()
        case .dictionary(let dictionary):
            try spend(dictionary.entries.count)
            return dictionary.entries.map(\.key)
        case .text(let text):
            try spend(text.count * 2)
            return text.scalars.map { .text($0) }
        default: throw failure("\(value.kind) has no elements to go through")
        }
    }
}
