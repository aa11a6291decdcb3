/// What follows a value: attributes, subscripts, slices, calls, filters and tests.
extension JinjaInterpreter {
    mutating func applied(_ steps: [JinjaPostfix], _ value: JinjaValue) throws(JinjaError) -> JinjaValue {
        var value = value
        for step in steps {
            try spend()
            switch step {
            case .attribute(let name): value = try attribute(name, of: value)
            case .subscript_(let key): value = try element(try evaluate(key), of: value)
            case .slice(let low, let high, let step): value = try slice(value, try bound(low), try bound(high), try bound(step))
            case .call(let arguments): value = try call(value, try evaluate(arguments))
            case .filter(let name, let arguments): value = try filter(name, value, try evaluate(arguments))
            case .test(let name, let arguments, let isNegated): value = .bool(try test(name, value, try evaluate(arguments)) != isNegated)
            }
        }
        return value
    }

    /// `value.name`: what Python has under that name, else what the object holds there.
    mutating func attribute(_ name: String, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        let missing = JinjaValue.undefined("`.\(name)` of \(value.kind)")
        switch value {
        case .undefined(let what): throw failure("\(what) is undefined, so it has no `.\(name)`")
        case .dictionary(let dictionary):
            if Self.dictionaryMethods.keys.contains(name) { return .function(.method(value, name)) }
            try spend(dictionary.entries.count / 8)
            if let member = dictionary[Array(name.utf8)] { return member }
        case .text: if Self.textMethods.keys.contains(name) || Self.otherTextMethods.contains(name) { return .function(.method(value, name)) }
        case .list: if Self.listMethods.keys.contains(name) { return .function(.method(value, name)) }
        case .tuple:
            if name == "index" || name == "count" { return .function(.method(value, name)) }
            if name == "list" || name == "grouper" { throw failure(.unsupported, "`.\(name)` of a group is not supported; take it apart into two names") }
        case .namespace(let space):
            try spend(space.attributes.entries.count / 8)
            if let member = space.attributes[Array(name.utf8)] { return member }
        case .loop(let loop): if let member = loop.attribute(name) { return member }
        case .integer, .number, .bool:
            if Self.numberAttributes.contains(name) { throw failure(.unsupported, "`.\(name)` of a number is not supported") }
        case .function, .iterable: throw failure(.unsupported, "`.\(name)` of \(value.kind) is not supported")
        case .none: break
        }
        // What Python keeps behind such names is no business of a template; the reference's sandbox refuses most of it.
        if name.hasPrefix("__") { throw failure(.unsupported, "`.\(name)` of \(value.kind) is not supported") }
        return missing
    }

    /// What Python's numbers have.
    private static let numberAttributes: Set<String> = [
        "real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes", "from_bytes", "as_integer_ratio", "is_integer", "hex", "fromhex",
    ]

    /// `value[key]`.
    mutating func element(_ key: JinjaValue, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch value {
        case .undefined(let what): throw failure("\(what) is undefined, so it has no elements")
        case .dictionary(let dictionary):
            try spend(dictionary.entries.count / 8)
            if key.isHashable, let member = dictionary[key] { return member }
        case .list(let elements), .tuple(let elements):
            if let index = key.integer { return Self.place(index, in: elements.count).map { elements[$0] } ?? .undefined("element \(index)") }
        case .iterable(let iterable):
            if iterable.kind == .range, let index = key.integer {
                return Self.place(index, in: iterable.elements.count).map { iterable.elements[$0] } ?? .undefined("element \(index)")
            }
            return .undefined("an element of \(value.kind)")
        case .text(let text):
            if let index = key.integer {
                try spend(text.count)
                let starts = text.scalarStarts
                return Self.place(index, in: starts.count - 1).map { .text(text[starts[$0]..<starts[$0 + 1]]) } ?? .undefined("character \(index)")
            }
        default: break
        }
        guard case .text(let name) = key else { return .undefined("an element of \(value.kind)") }
        return try attribute(name.string, of: value)
    }

    /// An index that may count from the end.
    private static func place(_ index: Int, in count: Int) -> Int? {
        let place = index < 0 ? index + count : index
        return place >= 0 && place < count ? place : nil
    }

    private mutating func bound(_ expression: JinjaExpression?) throws(JinjaError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let integer = value.integer else { throw failure("the bounds of a slice are whole numbers, not \(value.kind)") }
        return integer
    }

    private mutating func slice(_ value: JinjaValue, _ low: Int?, _ high: Int?, _ step: Int?) throws(JinjaError) -> JinjaValue {
        guard step != 0 else { throw failure("a slice with step 0") }
        func places(_ count: Int) -> [Int] { Self.places(count, low, high, step ?? 1) }
        if let count = value.elements?.count { try spend(count * 2) }
        switch value {
        case .list(let elements): return .list(places(elements.count).map { elements[$0] })
        case .tuple(let elements): return .tuple(places(elements.count).map { elements[$0] })
        case .text(let text):
            try spend(text.count * 2)
            let starts = text.scalarStarts
            if step ?? 1 == 1 {
                let chosen = places(starts.count - 1)
                return .text(chosen.isEmpty ? TracedText() : text[starts[chosen[0]]..<starts[chosen[chosen.count - 1] + 1]])
            }
            return .text(places(starts.count - 1).reduce(into: TracedText()) { $0.append(text[starts[$1]..<starts[$1 + 1]]) })
        case .iterable(let iterable) where iterable.kind == .range:
            try spend(iterable.elements.count)
            return .iterable(JinjaIterable(.range, places(iterable.elements.count).map { iterable.elements[$0] }))
        case .undefined(let what): throw failure("\(what) is undefined, so it has no slice")
        default: throw failure("\(value.kind) has no slice")
        }
    }

    /// The places that a slice takes of `count` elements, in its order.
    private static func places(_ count: Int, _ low: Int?, _ high: Int?, _ step: Int) -> [Int] {
        func within(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
            min(max(bound < 0 ? bound + count : bound, range.lowerBound), range.upperBound)
        }
        let bounds = step > 0 ? 0...count : -1...count - 1
        let from = low.map { within($0, bounds) } ?? (step > 0 ? 0 : count - 1)
        let to = high.map { within($0, bounds) } ?? (step > 0 ? count : -1)
        let stride = max(-count - 1, min(step, count + 1))
        return Array(Swift.stride(from: from, to: to, by: stride == 0 ? 1 : stride))
    }
}

extension JinjaLoop {
    func attribute(_ name: String) -> JinjaValue? {
        switch name {
        case "index": .integer(index + 1)
        case "index0": .integer(index)
        case "revindex": .integer(items.count - index)
        case "revindex0": .integer(items.count - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(index == items.count - 1)
        case "length": .integer(items.count)
        // Only loops that call themselves go deeper in the reference.
        case "depth": .integer(1)
        case "depth0": .integer(0)
        case "previtem": index > 0 ? items[index - 1] : nil
        case "nextitem": index + 1 < items.count ? items[index + 1] : nil
        case "cycle", "changed": .function(.method(.loop(self), name))
        default: nil
        }
    }
}
