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
            case .test(let name, let arguments, let isNegated): value = .bool(try test(name, value, try evaluate(arguments).values) != isNegated)
            }
        }
        return value
    }

    /// `value.name`: what Python has under that name, else what the object holds there.
    func attribute(_ name: String, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        let missing = JinjaValue.undefined("`.\(name)` of \(value.kind)")
        switch value {
        case .undefined(let what): throw failure("\(what) is undefined, so it has no `.\(name)`")
        case .dictionary(let dictionary):
            return Self.dictionaryMethods.contains(name) ? .function(.method(value, name)) : dictionary[Array(name.utf8)] ?? missing
        case .text: return Self.textMethods.contains(name) ? .function(.method(value, name)) : missing
        case .list, .tuple: return Self.listMethods.contains(name) ? .function(.method(value, name)) : missing
        case .namespace(let space): return space.attributes[Array(name.utf8)] ?? missing
        case .loop(let loop): return loop.attribute(name) ?? missing
        default: return missing
        }
    }

    /// `value[key]`.
    func element(_ key: JinjaValue, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch value {
        case .undefined(let what): throw failure("\(what) is undefined, so it has no elements")
        case .dictionary(let dictionary): if let found = dictionary[key] { return found }
        case .list(let elements), .tuple(let elements):
            if let index = key.integer { return Self.place(index, in: elements.count).map { elements[$0] } ?? .undefined("element \(index)") }
        case .text(let text):
            if let index = key.integer {
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
        switch value {
        case .list(let elements): return .list(places(elements.count).map { elements[$0] })
        case .tuple(let elements): return .tuple(places(elements.count).map { elements[$0] })
        case .text(let text):
            try spend(text.count / 4)
            let starts = text.scalarStarts
            if step ?? 1 == 1 {
                let chosen = places(starts.count - 1)
                return .text(chosen.isEmpty ? TracedText() : text[starts[chosen[0]]..<starts[chosen[chosen.count - 1] + 1]])
            }
            return .text(places(starts.count - 1).reduce(into: TracedText()) { $0.append(text[starts[$1]..<starts[$1 + 1]]) })
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
        case "depth": .integer(depth)
        case "depth0": .integer(depth - 1)
        case "previtem": index > 0 ? items[index - 1] : nil
        case "nextitem": index + 1 < items.count ? items[index + 1] : nil
        case "cycle", "changed": .function(.method(.loop(self), name))
        default: nil
        }
    }
}
