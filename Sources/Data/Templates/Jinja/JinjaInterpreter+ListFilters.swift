/// Filters that go through elements.
extension JinjaInterpreter {
    mutating func listFilter(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        if name == "items" || name == "dictsort" { return try pairs(name, value, call) }
        if name == "reverse", case .text(let text) = value {
            return .text(text.scalars.reversed().reduce(into: TracedText()) { $0.append($1) })
        }
        if name == "first", case .iterable(let iterable) = value { return iterable.take(1).first ?? .undefined("the first of nothing") }
        if name == "last", case .iterable(let iterable) = value, iterable.kind == .generator { throw failure("a generator has no last element") }
        if name == "map", !value.isTrue { return .iterable(JinjaIterable(.generator, [])) }
        let elements = try elements(of: value)
        try spend(elements.count * 2)
        switch name {
        case "first": return elements.first ?? .undefined("the first of nothing")
        case "last": return elements.last ?? .undefined("the last of nothing")
        case "list": return .list(elements)
        case "reverse":
            if case .iterable(let iterable) = value, iterable.kind == .generator { return .list(elements.reversed()) }
            return .iterable(JinjaIterable(.generator, elements.reversed()))
        case "join": return .text(try joined(elements, call))
        case "map": return try generator(try mapped(elements, call))
        case "select", "reject": return try generator(try chosen(elements, call, attribute: nil, keeping: name == "select"))
        case "selectattr", "rejectattr":
            let rest = JinjaCall(values: Array(call.values.dropFirst()), named: call.named)
            return try generator(try chosen(elements, rest, attribute: try textArgument(call, 0).string, keeping: name == "selectattr"))
        case "sum": return try sum(elements, call)
        case "batch": return try generator(try batches(elements, call))
        case "groupby": return try weighed(.list(try groups(elements, call)))
        case "unique": return try generator(try unique(elements, call))
        default: return try ordered(name, elements, call)
        }
    }

    private mutating func generator(_ elements: [JinjaValue]) throws(JinjaError) -> JinjaValue {
        try weighed(.iterable(JinjaIterable(.generator, elements)))
    }

    private mutating func pairs(_ name: String, _ value: JinjaValue, _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        if value.isUndefined, name == "items" { return .iterable(JinjaIterable(.generator, [])) }
        guard case .dictionary(let dictionary) = value else { throw failure("`\(name)` takes an object, not \(value.kind)") }
        let pairs = dictionary.entries.map { JinjaValue.tuple([$0.key, $0.value]) }
        if name == "items" { return try generator(pairs) }
        try weigh(all: pairs)
        guard call.value(1, "by").map({ $0 == .string("key") }) ?? true else { throw failure(.unsupported, "`dictsort` is supported by key only") }
        let isExact = call.value(0, "case_sensitive")?.isTrue ?? false
        return .list(try sorted(pairs, by: { Self.folded($0.elements?[0] ?? .none, isExact) }, falling: call.value(2, "reverse")?.isTrue ?? false))
    }

    private mutating func joined(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> TracedText {
        var parts = elements
        if let path = call.value(1, "attribute") { parts = try attributes(of: elements, path) }
        return try joined(parts, with: try text(call.value(0, "d") ?? .string("")))
    }

    private mutating func mapped(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        if let path = call.named.first(where: { $0.name == "attribute" })?.value {
            let missing = call.named.first { $0.name == "default" }?.value
            guard call.values.isEmpty, call.named.count == (missing == nil ? 1 : 2) else { throw failure("`map` takes a filter, or `attribute` and `default`") }
            return try attributes(of: elements, path, missing)
        }
        let name = try textArgument(call, 0).string
        guard Self.filters[name] != nil, name != "safe" else { throw failure(.unsupported, "the filter `\(name)` is not supported") }
        let inner = JinjaCall(values: Array(call.values.dropFirst()), named: call.named)
        var results: [JinjaValue] = []
        for element in elements { results.append(try filter(name, element, inner)) }
        return results
    }

    /// The elements for which a test, or their own truth, says yes or no.
    private mutating func chosen(_ elements: [JinjaValue], _ call: JinjaCall, attribute: String?, keeping: Bool) throws(JinjaError) -> [JinjaValue] {
        guard call.named.isEmpty else { throw failure(.unsupported, "named arguments of a test are not supported") }
        let subjects = try attribute.map { name throws(JinjaError) in try attributes(of: elements, .string(name)) } ?? elements
        var kept: [JinjaValue] = []
        for (element, subject) in zip(elements, subjects) {
            var holds = subject.isTrue
            if !call.values.isEmpty {
                let name = try textArgument(call, 0).string
                guard Self.tests.contains(name) else { throw failure(.unsupported, "the test `\(name)` is not supported") }
                holds = try test(name, subject, JinjaCall(values: Array(call.values.dropFirst())))
            }
            if holds == keeping { kept.append(element) }
        }
        return kept
    }

    private mutating func sum(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        let values = [call.value(1, "start") ?? .integer(0)] + (try call.value(0, "attribute").map { path throws(JinjaError) in try attributes(of: elements, path) } ?? elements)
        let integers = values.compactMap(\.integer), numbers = values.compactMap(\.double)
        guard numbers.count == values.count else { throw failure("`sum` adds numbers") }
        if integers.count == values.count {
            let (total, overflow) = integers.reduce((0, false)) { sum, next in
                let (value, overflow) = sum.0.addingReportingOverflow(next)
                return (value, sum.1 || overflow)
            }
            if overflow { throw failure(.unsupported, "a whole number of more than 64 bits") }
            return .integer(total)
        }
        return .number(numbers.reduce(0, +))
    }

    private mutating func batches(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        guard let size = call.value(0, "linecount")?.integer, size > 0 else { throw failure("`batch` takes a number above 0") }
        try spend(elements.count * 2 + (call.value(1, "fill_with") == nil ? 0 : min(size, 1 << 30)))
        return stride(from: 0, to: elements.count, by: size).map { start in
            var part = Array(elements[start..<min(elements.count, start + size)])
            if let fill = call.value(1, "fill_with"), part.count < size { part += Array(repeating: fill, count: size - part.count) }
            return .list(part)
        }
    }

    private mutating func groups(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        guard let path = call.value(0, "attribute") else { throw failure("`groupby` wants an attribute") }
        let keys = try attributes(of: elements, path, call.value(1, "default")), isExact = call.value(2, "case_sensitive")?.isTrue ?? false
        for key in keys { try weigh(key) }
        let order = try sorted(zip(keys, elements).map { .tuple([Self.folded($0, isExact), $0, $1]) }, by: { $0.elements?[0] ?? .none })
        var groups: [(key: JinjaValue, members: [JinjaValue])] = [], last: JinjaValue?
        for triple in order {
            guard let parts = triple.elements else { continue }
            if last == parts[0] { groups[groups.count - 1].members.append(parts[2]) } else { groups.append((parts[1], [parts[2]])) }
            last = parts[0]
        }
        return groups.map { .tuple([$0.key, .list($0.members)]) }
    }

    private mutating func unique(_ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> [JinjaValue] {
        let keys = try call.value(1, "attribute").map { path throws(JinjaError) in try attributes(of: elements, path) } ?? elements
        let isExact = call.value(0, "case_sensitive")?.isTrue ?? false
        var seen: [JinjaValue] = [], kept: [JinjaValue] = []
        for (key, element) in zip(keys, elements) {
            guard key.isHashable else { throw failure("`unique` cannot compare \(key.kind)") }
            try weigh(key)
            try spend(seen.count)
            let folded = Self.folded(key, isExact)
            if seen.contains(folded) { continue }
            seen.append(folded)
            kept.append(element)
        }
        return kept
    }

    /// `sort`, `min` and `max`. Only `sort` takes several attributes, with commas between.
    private mutating func ordered(_ name: String, _ elements: [JinjaValue], _ call: JinjaCall) throws(JinjaError) -> JinjaValue {
        let place = name == "sort" ? 2 : 1, isExact = call.value(name == "sort" ? 1 : 0, "case_sensitive")?.isTrue ?? false
        for element in elements { try weigh(element) }
        var keys = elements.map { Self.folded($0, isExact) }
        if let path = call.value(place, "attribute") {
            if name == "sort", case .text(let text) = path, text.find([UInt8(ascii: ",")]) != nil {
                let columns = try text.split([UInt8(ascii: ",")], limit: .max, backwards: false).map { path throws(JinjaError) in try attributes(of: elements, .text(path)) }
                for column in columns { for key in column { try weigh(key) } }
                keys = elements.indices.map { row in .tuple(columns.map { Self.folded($0[row], isExact) }) }
            } else {
                keys = try attributes(of: elements, path)
                for key in keys { try weigh(key) }
                keys = keys.map { Self.folded($0, isExact) }
            }
        }
        let isFalling = name == "max" || (name == "sort" && call.value(0, "reverse")?.isTrue ?? false)
        let pairs = zip(keys, elements).map { JinjaValue.tuple([$0, $1]) }
        let order = try sorted(pairs, by: { $0.elements?[0] ?? .none }, falling: isFalling).compactMap { $0.elements?[1] }
        return name == "sort" ? .list(order) : order.first ?? .undefined("the `\(name)` of nothing")
    }

    private static func folded(_ value: JinjaValue, _ isExact: Bool) -> JinjaValue {
        if !isExact, case .text(let text) = value { return .text(text.mapped { $0.pythonLowercased }) }
        return value
    }

    /// In order of their keys; equal ones stay as they are.
    mutating func sorted(_ values: [JinjaValue], by key: (JinjaValue) -> JinjaValue, falling: Bool = false) throws(JinjaError) -> [JinjaValue] {
        for value in values { for _ in 0..<4 { try weigh(value) } }
        let keys = values.map(key)
        var failure: JinjaError?
        let order = values.enumerated().sorted { left, right in
            do throws(JinjaError) {
                let order = try self.order(keys[left.offset], keys[right.offset])
                return order == 0 ? left.offset < right.offset : falling ? order > 0 : order < 0
            } catch {
                failure = error
                return left.offset < right.offset
            }
        }
        if let failure { throw failure }
        return order.map(\.element)
    }

    /// What each element has at a path such as `function.name`, or `missing`.
    private mutating func attributes(of elements: [JinjaValue], _ path: JinjaValue, _ missing: JinjaValue? = nil) throws(JinjaError) -> [JinjaValue] {
        var parts = [path]
        if case .text(let text) = path {
            parts = text.split([UInt8(ascii: ".")], limit: .max, backwards: false).map { part in
                part.bytes.allSatisfy { (0x30...0x39).contains($0) } ? Int(part.string).map { .integer($0) } ?? .text(part) : .text(part)
            }
        }
        var values: [JinjaValue] = []
        for element in elements {
            var value = element
            for part in parts {
                try spend()
                value = try self.element(part, of: value)
                if value.isUndefined, let missing { value = missing }
            }
            values.append(value)
        }
        return values
    }
}
