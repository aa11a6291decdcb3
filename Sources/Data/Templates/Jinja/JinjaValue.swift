/// A value of a template: what Python would hold there.
enum JinjaValue {
    /// Missing; the text says what, for the message if it is used.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(TracedText)
    case list([JinjaValue])
    case tuple([JinjaValue])
    case dictionary(JinjaDictionary)
    case iterable(JinjaIterable)
    case namespace(JinjaNamespace)
    case loop(JinjaLoop)
    case function(JinjaFunction)

    static func string(_ string: String) -> JinjaValue { .text(TracedText(string)) }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// The elements of a list or tuple.
    var elements: [JinjaValue]? {
        switch self {
        case .list(let elements), .tuple(let elements): elements
        default: nil
        }
    }

    /// Python's truth.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let elements), .tuple(let elements): !elements.isEmpty
        case .dictionary(let dictionary): !dictionary.entries.isEmpty
        case .iterable(let iterable): iterable.kind == .generator || !iterable.elements.isEmpty
        case .namespace, .loop, .function: true
        }
    }

    /// What the value is, in words.
    var kind: String {
        switch self {
        case .undefined(let name): "\(name), which is undefined,"
        case .none: "none"
        case .bool: "a Boolean"
        case .integer, .number: "a number"
        case .text: "text"
        case .list, .tuple: "a list"
        case .dictionary: "an object"
        case .iterable(let iterable): iterable.kind.rawValue
        case .namespace: "a namespace"
        case .loop: "the loop"
        case .function: "a function"
        }
    }

    /// Whether it can be a key.
    var isHashable: Bool {
        switch self {
        case .list, .dictionary, .iterable: false
        case .tuple(let elements): elements.allSatisfy { $0.isHashable }
        default: true
        }
    }

    /// A whole number or Boolean as a number.
    var integer: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var double: Double? {
        if case .number(let value) = self { value } else { integer.map(Double.init) }
    }
}

/// Keys and values in the order of their making.
struct JinjaDictionary {
    struct Entry {
        var key: JinjaValue
        var value: JinjaValue
    }

    private(set) var entries: [Entry] = []

    init() {}
    /// - Parameter entries: no key twice.
    init(unique entries: [(key: JinjaValue, value: JinjaValue)]) { self.entries = entries.map { Entry(key: $0.key, value: $0.value) } }

    subscript(key: JinjaValue) -> JinjaValue? {
        if case .text(let text) = key { return self[text.bytes] }
        return entries.first { $0.key == key }?.value
    }

    subscript(key: [UInt8]) -> JinjaValue? {
        for entry in entries {
            if case .text(let text) = entry.key, text.bytes == key { return entry.value }
        }
        return nil
    }

    mutating func set(_ key: JinjaValue, _ value: JinjaValue) {
        if let place = entries.firstIndex(where: { $0.key == key }) { entries[place].value = value } else { entries.append(Entry(key: key, value: value)) }
    }
}

/// What Python goes through without its being a list: no list equals it, and it has no text.
final class JinjaIterable {
    enum Kind: String {
        /// Of `map`, `select` and their like: true even when empty, without a length, and gone through once.
        case generator = "a generator"
        /// Of `items`, `keys` and `values`.
        case view = "a view of an object"
        case range = "a range"
    }

    let kind: Kind
    let elements: [JinjaValue]
    private var used = 0

    init(_ kind: Kind, _ elements: [JinjaValue]) {
        self.kind = kind
        self.elements = elements
    }

    /// The elements that are left, at most `count`; a generator's are used up.
    func take(_ count: Int = .max) -> [JinjaValue] {
        let rest = Array(elements[used...].prefix(count))
        if kind == .generator { used += rest.count }
        return rest
    }
}

/// `namespace(...)`: the one thing that a template can change inside a loop and see outside.
final class JinjaNamespace {
    var attributes = JinjaDictionary()
}

/// What a loop knows of itself.
final class JinjaLoop {
    let items: [JinjaValue]
    var index = 0
    var lastChanged: [JinjaValue]?

    init(_ items: [JinjaValue]) { self.items = items }
}

enum JinjaFunction {
    case global(JinjaGlobal)
    case macro(JinjaMacro)
    /// A method of a value, by its name.
    indirect case method(JinjaValue, String)
}

enum JinjaGlobal: String, CaseIterable {
    case range, dict, namespace
    case raise = "raise_exception"
    case clock = "strftime_now"
}

/// A macro, and the variables that it sees. Those variables hold the macro, so it does not hold them.
final class JinjaMacro {
    let definition: JinjaMacroDefinition
    private(set) weak var scope: JinjaScope?

    init(_ definition: JinjaMacroDefinition, _ scope: JinjaScope) {
        self.definition = definition
        self.scope = scope
    }
}

/// Variables by number: a few, with those of the scope around behind them.
final class JinjaScope {
    private static let fewNames = 16

    let parent: JinjaScope?
    private var names: [Int] = []
    private var values: [JinjaValue] = []
    /// Where each name is, once there are too many to look through.
    private var places: [Int: Int] = [:]

    init(in parent: JinjaScope?) { self.parent = parent }

    private func place(of name: Int) -> Int? { names.count > Self.fewNames ? places[name] : names.firstIndex(of: name) }

    func own(_ name: Int) -> JinjaValue? { place(of: name).map { values[$0] } }

    func value(_ name: Int) -> JinjaValue? {
        var scope: JinjaScope? = self
        while let current = scope {
            if let value = current.own(name) { return value }
            scope = current.parent
        }
        return nil
    }

    func set(_ name: Int, _ value: JinjaValue) {
        if let place = place(of: name) { return values[place] = value }
        names.append(name)
        values.append(value)
        if names.count == Self.fewNames + 1 {
            for (place, name) in names.enumerated() { places[name] = place }
        } else if names.count > Self.fewNames {
            places[name] = names.count - 1
        }
    }
}

/// Python's `==`.
extension JinjaValue: Equatable {
    static func == (left: JinjaValue, right: JinjaValue) -> Bool {
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): true
        case (.text(let a), .text(let b)): a.bytes == b.bytes
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a == b
        case (.dictionary(let a), .dictionary(let b)):
            a.entries.count == b.entries.count && a.entries.allSatisfy { b[$0.key] == $0.value }
        case (.iterable(let a), .iterable(let b)): a === b || (a.kind == .range && b.kind == .range && a.elements == b.elements)
        case (.namespace(let a), .namespace(let b)): a === b
        case (.loop(let a), .loop(let b)): a === b
        default:
            if let a = left.integer, let b = right.integer { a == b } else if let a = left.double, let b = right.double { a == b } else { false }
        }
    }
}
