/// Arguments that have been evaluated.
struct JinjaCall {
    var values: [JinjaValue] = []
    var named: [(name: String, value: JinjaValue)] = []

    /// The argument at a place, or of a name.
    func value(_ place: Int, _ name: String) -> JinjaValue? {
        place < values.count ? values[place] : named.first { $0.name == name }?.value
    }

    /// Why these cannot be the arguments of a callable with such parameters, in order; an empty name is for a place only.
    func mistake(for parameters: [String]) -> String? {
        if values.count > parameters.count { return "takes \(parameters.count) arguments at most here, not \(values.count)" }
        for (index, argument) in named.enumerated() {
            guard let place = parameters.firstIndex(of: argument.name), !argument.name.isEmpty else { return "takes no argument `\(argument.name)` here" }
            if place < values.count || named[..<index].contains(where: { $0.name == argument.name }) { return "is given `\(argument.name)` twice" }
        }
        return nil
    }
}

/// Calls of macros, functions and methods.
extension JinjaInterpreter {
    mutating func evaluate(_ arguments: JinjaArguments) throws(JinjaError) -> JinjaCall {
        var call = JinjaCall(values: try evaluate(all: arguments.values))
        for (name, value) in arguments.named { call.named.append((name, try evaluate(value))) }
        return call
    }

    /// What must hold before a filter, method or function looks at its arguments.
    mutating func check(_ call: JinjaCall, of name: String, _ parameters: [String]?) throws(JinjaError) {
        for value in call.values { if case .text(let text) = value { try spend(text.count / 4) } }
        if let parameters, let mistake = call.mistake(for: parameters) { throw failure(.unsupported, "`\(name)` \(mistake)") }
    }

    mutating func call(_ value: JinjaValue, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch value {
        case .function(.global(let function)): return try call(function, arguments)
        case .function(.macro(let macro)): return .text(try call(macro, arguments, caller: nil))
        case .function(.method(let receiver, let name)): return try call(name, of: receiver, arguments)
        case .undefined(let what): throw failure("\(what) is undefined, so it cannot be called")
        default: throw failure("\(value.kind) cannot be called")
        }
    }

    /// `{% call %}`: the call with the block as its `caller`.
    mutating func call(_ macro: JinjaExpression, _ arguments: JinjaArguments, caller: JinjaMacroDefinition) throws(JinjaError) -> JinjaValue {
        let macro = try evaluate(macro), arguments = try evaluate(arguments)
        guard case .function(.macro(let macro)) = macro else { throw failure("`{% call %}` wants the call of a macro") }
        guard macro.definition.usesCaller else { throw failure("the macro `\(macro.definition.name.text)` asks for no `caller`") }
        return .text(try call(macro, arguments, caller: JinjaMacro(caller, scope)))
    }

    private mutating func call(_ macro: JinjaMacro, _ arguments: JinjaCall, caller: JinjaMacro?) throws(JinjaError) -> TracedText {
        let definition = macro.definition
        guard let around = macro.scope else { throw failure("the macro `\(definition.name.text)` is called where it is gone") }
        try spend(definition.parameters.count * (1 + arguments.named.count))
        if let mistake = arguments.mistake(for: definition.parameters.map(\.name.text)) { throw failure("the macro `\(definition.name.text)` \(mistake)") }
        let inner = JinjaScope(in: around), outer = (scope, line)
        defer { (scope, line) = outer }
        scope = inner
        if definition.usesCaller, let number = template.number(of: "caller") {
            inner.set(number, caller.map { .function(.macro($0)) } ?? .undefined("`caller`"))
        }
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
        case .dict: return try weighed(.dictionary(try dictionary(arguments)))
        case .namespace:
            let space = JinjaNamespace()
            for entry in try dictionary(arguments).entries { try setAttribute(entry.key, entry.value, of: space) }
            return .namespace(space)
        case .raise:
            try check(arguments, of: function.rawValue, ["message"])
            guard let message = arguments.value(0, "message") else { throw failure("`raise_exception` wants a message") }
            throw failure(.raised, try text(message).string)
        case .clock:
            try check(arguments, of: function.rawValue, ["format"])
            guard case .text(let format)? = arguments.value(0, "format") else { throw failure("`strftime_now` wants a format") }
            return .text(TracedText(try date(format.string)))
        }
    }

    private mutating func range(_ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        try check(arguments, of: "range", ["", "", ""])
        let bounds = arguments.values.compactMap(\.integer)
        guard bounds.count == arguments.values.count, (1...3).contains(bounds.count) else { throw failure("`range` takes one to three whole numbers") }
        let (from, to, step) = bounds.count == 1 ? (0, bounds[0], 1) : (bounds[0], bounds[1], bounds.count > 2 ? bounds[2] : 1)
        guard step != 0 else { throw failure("`range` with step 0") }
        guard from != to, (from < to) == (step > 0) else { return .iterable(JinjaIterable(.range, [])) }
        let (span, overflow) = to.subtractingReportingOverflow(from)
        guard !overflow, (span.magnitude - 1) / step.magnitude < 100_000 else { throw failure(.limit, "`range` of more than 100,000 numbers") }
        let values = stride(from: from, to: to, by: step).map { JinjaValue.integer($0) }
        try spend(values.count * 4)
        return .iterable(JinjaIterable(.range, values))
    }

    private mutating func dictionary(_ arguments: JinjaCall) throws(JinjaError) -> JinjaDictionary {
        var dictionary = JinjaDictionary()
        guard arguments.values.count <= 1 else { throw failure("`dict` and `namespace` take one object at most") }
        for value in arguments.values {
            guard case .dictionary(let given) = value else { throw failure(.unsupported, "`dict` and `namespace` take named values, or another object") }
            dictionary = given
        }
        for (name, value) in arguments.named { try set(.string(name), value, in: &dictionary) }
        return dictionary
    }

    private mutating func call(_ name: String, of receiver: JinjaValue, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        switch receiver {
        case .text(let text):
            try spend(text.count / 4 + 1)
            try check(arguments, of: name, Self.textMethods[name] ?? nil)
            return try method(name, of: text, arguments)
        case .dictionary(let dictionary):
            try spend(dictionary.entries.count)
            try check(arguments, of: name, Self.dictionaryMethods[name] ?? nil)
            return try method(name, of: dictionary, arguments)
        case .list(let elements), .tuple(let elements):
            try check(arguments, of: name, Self.listMethods[name] ?? nil)
            return try method(name, of: elements, arguments)
        case .loop(let loop): return try method(name, of: loop, arguments)
        default: throw failure("`\(name)` cannot be called")
        }
    }

    private mutating func method(_ name: String, of loop: JinjaLoop, _ arguments: JinjaCall) throws(JinjaError) -> JinjaValue {
        guard arguments.named.isEmpty else { throw failure("`loop.\(name)` takes no named arguments") }
        if name == "changed" {
            try weigh(all: arguments.values)
            defer { loop.lastChanged = arguments.values }
            return .bool(loop.lastChanged != arguments.values)
        }
        guard !arguments.values.isEmpty else { throw failure("`loop.cycle` takes one value at least") }
        return arguments.values[loop.index % arguments.values.count]
    }
}
