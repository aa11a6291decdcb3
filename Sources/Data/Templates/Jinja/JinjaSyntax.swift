/// An expression of a template. Chains are lists, so that long ones are not deep.
indirect enum JinjaExpression: Sendable {
    case text([UInt8])
    case integer(Int)
    case number(Double)
    case bool(Bool)
    case none
    case name(JinjaName)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dictionary([JinjaPair])
    case postfix(JinjaExpression, [JinjaPostfix])
    case negated(JinjaExpression)
    case not(JinjaExpression)
    case all([JinjaExpression])
    case any([JinjaExpression])
    /// Operators of one rank, from left to right.
    case arithmetic(JinjaExpression, [JinjaStep])
    case comparison(JinjaExpression, [JinjaStep])
    case joined([JinjaExpression])
    case conditional(JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
}

/// A variable's name: its number among the names of the template, and its spelling.
struct JinjaName: Sendable, Equatable {
    var number: Int
    var text: String
}

struct JinjaPair: Sendable {
    var key: JinjaExpression
    var value: JinjaExpression
}

struct JinjaStep: Sendable {
    var sign: String
    var operand: JinjaExpression
}

struct JinjaArguments: Sendable {
    var values: [JinjaExpression] = []
    var named: [(name: String, value: JinjaExpression)] = []
}

/// What follows a value: `.name`, `[key]`, `[from:to:step]`, `(arguments)`, `| filter`, `is test`.
enum JinjaPostfix: Sendable {
    case attribute(String)
    case subscript_(JinjaExpression)
    case slice(JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(JinjaArguments)
    case filter(String, JinjaArguments)
    case test(String, JinjaArguments, negated: Bool)
}

/// What a value is given to.
indirect enum JinjaTarget: Sendable {
    case name(JinjaName)
    case attribute(JinjaName, String)
    case tuple([JinjaTarget])

    func holds(_ name: String) -> Bool {
        switch self {
        case .name(let own), .attribute(let own, _): own.text == name
        case .tuple(let targets): targets.contains { $0.holds(name) }
        }
    }
}

struct JinjaStatement: Sendable {
    var line: Int
    var kind: Kind

    indirect enum Kind: Sendable {
        case text([UInt8])
        case output(JinjaExpression)
        case condition([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
        case loop(JinjaLoopDefinition)
        case set(JinjaTarget, JinjaExpression)
        /// `{% set x %}…{% endset %}`, with the filters after the name.
        case capture(JinjaTarget, [JinjaPostfix], body: [JinjaStatement])
        case macro(JinjaMacroDefinition)
        /// `{% call %}`: the macro, its arguments, and the block.
        case call(JinjaExpression, JinjaArguments, JinjaMacroDefinition)
        case filter([JinjaPostfix], body: [JinjaStatement])
        case with([(target: JinjaTarget, value: JinjaExpression)], body: [JinjaStatement])
        case generation(body: [JinjaStatement])
        case breakLoop
        case continueLoop
    }
}

struct JinjaLoopDefinition: Sendable {
    var target: JinjaTarget
    var source: JinjaExpression
    var filter: JinjaExpression?
    var body: [JinjaStatement]
    var otherwise: [JinjaStatement]
}

struct JinjaMacroDefinition: Sendable {
    var name: JinjaName
    var parameters: [(name: JinjaName, defaultValue: JinjaExpression?)]
    /// Whether it is called with a block, which is its `caller`.
    var usesCaller: Bool
    var body: [JinjaStatement]
}
