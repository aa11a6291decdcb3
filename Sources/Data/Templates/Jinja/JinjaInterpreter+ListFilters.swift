/// Filters that go through elements. What is a generator in the reference is a list here.
extension JinjaInterpreter {
    mutating func listFilter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        if name == "items" || name == "dictsort" { return try pairs(name, value, call) }
        if name == "reverse", case .text(let text) = value {
            return .text(text.scalars.reversed().reduce(into: TracedText()) { $0.append($1) })
        }
        let elements = try elements(of: value)
        try spend(elements.count)
        switch name {
        case "first": return elements.first ?? .undefined("the first of nothing")
        case "last": return elements.last ?? .undefined("the last of nothing")
        case "list": return .list(elements)
        case "reverse": return .list(elements.reversed())
        case "join": return .text(try joined(elements, call))
        case "map": return .list(try mapped(elements, call))
        case "select", "reject": return .list(try chosen(elements, call, attribute: nil, keeping: name == "select"))
        case "selectattr", "rejectattr":
            return .list(try chosen(elements, JinjaCall(values: Array(call.values.dropFirst())), attribute: try textArgument(call, 0).string, keeping: name == "selectattr"))
        case "sum": return try sum(elements, call)
        case "batch": return .list(try batches(elements, call))
        case "groupby": return .list(try groups(elements, call))
        default: return try ordered(name, elements, call)
        }
    }

    private mutating func pairs(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        if value.isUndefined { return .list([]) }
        guard case .dictionary(let dictionary) = value else { throw failure("`\(name)` takes an object, not \(value.kind)") }
        let pairs = dictionary.entries.map { JinjaValue.tuple([$0.key, $0.value]) }
        if name == "items" { return .list(pairs) }
        guard call.value(1, "by").map({ $0 == .string("key") }) ?? true else { throw failure(.unsupported, "`dictsort` is supported by key only") }
        let isExact = call.value(0, "case_sensitive")?.isTrue ?? false
        return .list(try sorted(pairs, by: { Self.folded($0.elements?[0] ?? .none, isExact) }, falling: call.value(2, "reverse")?.isTrue ?? false))
    }

    private mutating func joined(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> TracedText {
        var parts = elements
        if let path = call.value(1, "attribute") { parts = try elements.attributes(path, self) }
        return try joined(parts, with: try text(call.value(0, "d") ?? .string("")))
    }

    private mutating func mapped(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        if let path = call.named.first(where: { $0.name == "attribute" })?.value {
            let missing = call.named.first { $0.name == "default" }?.value
            return try elements.attributes(path, self).map { $0.isUndefined ? missing ?? $0 : $0 }
        }
        let name = try textArgument(call, 0).string
        guard Self.filters.contains(name) else { throw failure(.unsupported, "the filter `\(name)` is not supported") }
        let inner = JinjaCall(values: Array(call.values.dropFirst()), named: call.named)
        var results: [JinjaValue] = []
        for element in elements { results.append(try filter(name, element, inner)) }
        return results
    }

    /// The elements for which a test, or their own truth, says yes or no.
    private mutating func chosen(_ elements: [JinjaValue], _ call: JinjaCall, attribute: String?, keeping: Bool) throws(JinjaError) -> [JinjaValue] {
        let subjects = try attribute.map { name throws(JinjaError) in try elements.attributes(.string(name), self) } ?? elements
        var kept: [JinjaValue] = []
        for (element, subject) in zip(elements, subjects) {
            var holds = subject.isTrue
            if !call.values.isEmpty {
                let name = try textArgument(call, 0).string
                guard Self.tests.contains(name) else { throw failure(.unsupported, "the test `\(name)` is not supported") }
                holds = try test(name, subject, Array(call.values.dropFirst()))
            }
            if holds == keeping { kept.append(element) }
        }
        return kept
    }

    private mutating func sum(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        let values = try call.value(0, "attribute").map { path throws(JinjaError) in try elements.attributes(path, self) } ?? elements
        let integers = values.compactMap(\.integer), numbers = values.compactMap(\.double)
        guard numbers.count == values.count else { throw failure("`sum` adds numbers") }
        if integers.count == values.count {
            let (total, overflow) = integers.reduce((0, false)) { sum, next in
                let (value, overflow) = sum.0.addingReportingOverflow(next)
                return (value, sum.1 || overflow)
            }
            if overflow { throw failure("a whole number of more than 64 bits") }
            return .integer(total)
        }
        return .number(numbers.reduce(0, +))
    }

    private func batches(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        guard let size = call.value(0, "linecount")?.integer, size > 0 else { throw failure("`batch` takes a number above 0") }
        return stride(from: 0, to: elements.count, by: size).map { start in
            var part = Array(elements[start..<min(elements.count, start + size)])
            if let fill = call.value(1, "fill_with"), part.count < size { part += Array(repeating: fill, count: min(size - part.count, 1000)) }
            return .list(part)
        }
    }

    private mutating func groups(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        let path = call.value(0, "attribute") ?? .none
        let keys = try elements.attributes(path, self)
        let order = try sorted(zip(keys, elements).map { .tuple([$0, $1]) }, by: { $0.elements?[0] ?? .none })
        var groups: [(key: JinjaValue, members: [JinjaValue])] = []
        for pair in order {
            guard let parts = pair.elements else { continue }
            if let last = groups.last, last.key == parts[0] { groups[groups.count - 1].members.append(parts[1]) } else { groups.append((parts[0], [parts[1]])) }
        }
        return groups.map { .tuple([$0.key, .list($0.members)]) }
    }

    private mutating func ordered(_ name: String, _ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        let place = name == "sort" ? 2 : 1, isExact = call.value(name == "sort" ? 1 : 0, "case_sensitive")?.isTrue ?? false
        let keys = try call.value(place, "attribute").map { path throws(JinjaError) in try elements.attributes(path, self) } ?? elements
        let pairs = zip(keys, elements).map { JinjaValue.tuple([Self.folded($0, isExact), $1]) }
        if name == "unique" {
            var seen: [JinjaValue] = [], kept: [JinjaValue] = []
            for pair in pairs {
                try spend(seen.count)
                guard let parts = pair.elements, !seen.contains(parts[0]) else { continue }
                seen.append(parts[0])
                kept.append(parts[1])
            }
            return .list(kept)
        }
        let isFalling = name == "max" || (name == "sort" && call.value(0, "reverse")?.isTrue ?? false)
        let order = try sorted(pairs, by: { $0.elements?[0] ?? .none }, falling: isFalling).compactMap { $0.elements?[1] }
        return name == "sort" ? .list(order) : order.first ?? .undefined("the `\(name)` of nothing")
    }

    private static func folded(_ value: JinjaValue, _ isExact: Bool) -> JinjaValue {
        if !isExact, case .text(let text) = value { return .text(text.mapped { $0.lowercased() }) }
        return value
    }

    /// In order of their keys; equal ones stay as they are.
    mutating func sorted(_ values: [JinjaValue], by key: (JinjaValue) -> JinjaValue, falling: Bool = false) throws(JinjaError) -> [JinjaValue] {
        try spend(values.count * 16)
        var failure: JinjaError?
        let order = values.enumerated().sorted { left, right in
            do throws(JinjaError) {
                let order = try self.order(key(left.element), key(right.element))
                return order == 0 ? left.offset < right.offset : falling ? order > 0 : order < 0
            } catch {
                failure = error
                return left.offset < right.offset
            }
        }
        if let failure { throw failure }
        return order.map(\.element)
    }
}

extension [JinjaValue] {
    /// What each element has at a path such as `function.name`.
    fileprivate func attributes(_ path: JinjaValue, _ interpreter: JinjaInterpreter) throws(JinjaError) -> [JinjaValue] {
        let parts: [JinjaValue]
        switch path {
        case .text(let text): parts = text.split([UInt8(ascii: ".")], limit: .max - 1, backwards: false).map { part in Int(part.string).map { .integer($0) } ?? .text(part) }
        default: parts = [path]
        }
        var found: [JinjaValue] = []
        for element in self {
            var value = element
            for part in parts { value = try interpreter.element(part, of: value) }
            found.append(value)
        }
        return found
    }
}
