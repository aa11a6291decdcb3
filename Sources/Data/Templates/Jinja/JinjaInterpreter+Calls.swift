/// Arguments that have been evaluated.
struct JinjaCall {
    var values: [JinjaValue] = []
    var named: [(name: String, value: JinjaValue)] = []

    /// The argument at a place, or of a name.
    func value(_ place: Int, _ name: String) -> JinjaValue? {
        place < values.count ? values[place] : named.first { $0.name == name }?.value
    }
}

/// Calls of macros, functions and methods.
extension JinjaInterpreter {
    mutating func evaluate(_ arguments: JinjaArguments) throws(JinjaError) -> JinjaCall {
        var call = JinjaCall(values: try evaluate(all: arguments.values))
        for (name, value) in arguments.named { call.named.append((name, try evaluate(value))) }
        return call
    }

    mutating func call(_ value: JinjaValue, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch value {
        case .function(.global(let function)): return try call(function, arguments)
        case .function(.macro(let macro)): return .text(try call(macro, arguments))
        case .function(.method(let receiver, let name)): return try call(name, of: receiver, arguments)
        case .undefined(let what): throw failure("\(what) is undefined, so it cannot be called")
        default: throw failure("\(value.kind) cannot be called")
        }
    }

    /// `{% call %}`: the call with the block as its `caller`.
    mutating func call(_ expression: JinjaExpression, caller: JinjaMacroDefinition) throws(JinjaError) -> JinjaValue {
        guard case .postfix(let base, var steps) = expression, case .call(let arguments)? = steps.popLast() else {
            throw failure("`{% call %}` wants the call of a macro")
        }
        var call = try evaluate(arguments)
        call.named.append(("caller", .function(.macro(JinjaMacro(caller, scope)))))
        return try self.call(try applied(steps, try evaluate(base)), call)
    }

    private mutating func call(_ macro: JinjaMacro, _ arguments: JinjaCall) throws(JinjaError) -> TracedText {
        let definition = macro.definition, inner = JinjaScope(in: macro.scope)
        guard arguments.values.count <= definition.parameters.count else {
            throw failure("the macro `\(definition.name.text)` takes \(definition.parameters.count) arguments, not \(arguments.values.count)")
        }
        for (name, value) in arguments.named {
            if name == "caller", let number = template.number(of: name) { inner.set(number, value); continue }
            guard definition.parameters.contains(where: { $0.name.text == name }) else { throw failure("the macro `\(definition.name.text)` has no argument `\(name)`") }
        }
        let outer = (scope, line, loops)
        defer { (scope, line, loops) = outer }
        scope = inner
        loops = 0
        for (place, parameter) in definition.parameters.enumerated() {
            var value = arguments.value(place, parameter.name.text)
            if value == nil, let expression = parameter.defaultValue { value = try evaluate(expression) }
            inner.set(parameter.name.number, value ?? .undefined("`\(parameter.name.text)`"))
        }
        return try captured(definition.body, in: inner)
    }

    private mutating func call(_ function: JinjaGlobal, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch function {
        case .range: return try range(arguments)
        case .dict: return .dictionary(try dictionary(arguments))
        case .namespace:
            let space = JinjaNamespace()
            space.attributes = try dictionary(arguments)
            return .namespace(space)
        case .raise: throw failure(.raised, try text(arguments.value(0, "message") ?? .string("")).string)
        }
    }

    private mutating func range(_ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        let bounds = arguments.values.compactMap(\.integer)
        guard bounds.count == arguments.values.count, (1...3).contains(bounds.count) else { throw failure("`range` takes one to three whole numbers") }
        let (from, to, step) = bounds.count == 1 ? (0, bounds[0], 1) : (bounds[0], bounds[1], bounds.count > 2 ? bounds[2] : 1)
        guard step != 0 else { throw failure("`range` with step 0") }
        let (span, overflow) = to.subtractingReportingOverflow(from)
        guard !overflow, span.magnitude / step.magnitude < 100_000 else { throw failure(.limit, "`range` of more than 100,000 numbers") }
        let values = stride(from: from, to: to, by: step).map { JinjaValue.integer($0) }
        try spend(values.count)
        return .list(values)
    }

    private func dictionary(_ arguments: JinjaCall) throws(JinjaError) -> JinjaDictionary {
        var dictionary = JinjaDictionary()
        for value in arguments.values {
            guard case .dictionary(let given) = value else { throw failure(.unsupported, "`dict` and `namespace` take named values, or another object") }
            for (key, value) in given.entries { dictionary.set(key, value) }
        }
        for (name, value) in arguments.named { dictionary.set(.string(name), value) }
        return dictionary
    }

    private mutating func call(_ name: String, of receiver: JinjaValue, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch receiver {
        case .text(let text):
            try spend(text.count / 16 + 1)
            return try method(name, of: text, arguments)
        case .dictionary(let dictionary): return try method(name, of: dictionary, arguments)
        case .list(let elements), .tuple(let elements): return try method(name, of: elements, arguments)
        case .loop(let loop): return try method(name, of: loop, arguments)
        default: throw failure("`\(name)` cannot be called")
        }
    }

    private func method(_ name: String, of loop: JinjaLoop, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        if name == "changed" {
            defer { loop.lastChanged = arguments.values }
            return .bool(loop.lastChanged != arguments.values)
        }
        guard !arguments.values.isEmpty else { throw failure("`loop.cycle` takes one value at least") }
        return arguments.values[loop.index % arguments.values.count]
    }
}
