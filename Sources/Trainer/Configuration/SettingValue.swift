import Basics

/// A value that can stand behind a key: read with a complaint where it does not fit, written back in one canonical form.
package protocol SettingValue: Sendable {
    /// What is accepted, as in "expected a whole number".
    static var expectation: String { get }
    /// Reads the value; reports what is wrong with it under `key` and returns nil if it does not fit.
    static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Self?
    /// The canonical form, which `read` turns back into the same value.
    var json: JSON { get }
    /// The number to compare with a key's bounds; nil for values that are no numbers.
    var boundedNumber: Double? { get }
    /// The keys below this one, for values that are groups.
    static var nestedKeys: [SettingKey] { get }
}

/// The name of a key and whether a change of it changes what a run computes.
package struct SettingKey: Sendable {
    package var name: String
    package var effect: SettingEffect
}

/// What it means for a resumed run that a key has another value than before.
package enum SettingEffect: Sendable, Equatable {
    /// The steps to come would differ from those of the run that was stopped.
    case trajectory
    /// Only what is printed, saved or measured differs, or how fast.
    case harmless
    /// What the key decides is in the checkpoint already, so that another value cannot have its effect; and why.
    case settled(String)

    /// The effect of a key inside a group of this effect.
    func within(_ group: SettingEffect) -> SettingEffect {
        if case .settled = group, self == .trajectory { group } else { self }
    }
}

extension SettingValue {
    package var boundedNumber: Double? { nil }
    package static var nestedKeys: [SettingKey] { [] }
}

extension Bool: SettingValue {
    package static var expectation: String { "true or false" }
    package var json: JSON { JSON(.bool(self)) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Bool? {
        if case .bool(let value) = json.value { return value }
        reader.reportType(json, key: key, expected: expectation)
        return nil
    }
}

extension Int: SettingValue {
    package static var expectation: String { "a whole number" }
    package var json: JSON { JSON(.integer(self)) }
    package var boundedNumber: Double? { Double(self) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Int? {
        switch json.value {
        case .integer(let value): return value
        case .number(let value):
            if let whole = Int(exactly: value) { return whole }  // 1e3 and 100.0
            if value == value.rounded() {
                reader.report("\(json.text()) is out of range; expected a whole number of at most 63 bits", key: key, at: json.position)
                return nil
            }
        default: break
        }
        reader.reportType(json, key: key, expected: expectation)
        return nil
    }
}

extension Double: SettingValue {
    package static var expectation: String { "a number" }
    package var json: JSON { JSON(.number(self)) }
    package var boundedNumber: Double? { self }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Double? {
        switch json.value {
        case .integer(let value): return Double(value)
        case .number(let value): return value
        default:
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
    }
}

extension String: SettingValue {
    package static var expectation: String { "text in double quotes" }
    package var json: JSON { JSON(.string(self)) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> String? {
        guard case .string(let value) = json.value else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        // The system would end a path there, and act on the rest.
        guard !value.unicodeScalars.contains("\0") else {
            reader.report("the text \(json.text()) holds a null character; leave it out", key: key, at: json.position)
            return nil
        }
        return value
    }
}

/// `null` stands for "not given" behind keys that have no value by default.
extension Optional: SettingValue where Wrapped: SettingValue {
    package static var expectation: String { Wrapped.expectation }
    package var json: JSON { self?.json ?? nil }
    package var boundedNumber: Double? { self?.boundedNumber }
    package static var nestedKeys: [SettingKey] { Wrapped.nestedKeys }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Wrapped?? {
        if case .null = json.value { return .some(nil) }
        return Wrapped.read(json, key: key, reader: &reader).map { .some($0) }
    }
}

extension Array: SettingValue where Element: SettingValue {
    package static var expectation: String { "a list [ ... ]" }
    package var json: JSON { JSON(.array(map(\.json))) }
    package static var nestedKeys: [SettingKey] { Element.nestedKeys.map { SettingKey(name: $0.name, effect: $0.effect) } }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> [Element]? {
        guard let elements = json.elements else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        let values = elements.enumerated().map { index, element in
            Element.read(element, key: "\(key)[\(index)]", reader: &reader)
        }
        return values.contains { $0 == nil } ? nil : values.compactMap(\.self)
    }
}

/// A list that may be written as its single element.
package struct OneOrMore<Element: SettingValue>: SettingValue {
    package var elements: [Element]
    package init(_ elements: [Element] = []) { self.elements = elements }

    package static var expectation: String { "\(Element.expectation), or a list [ ... ] of that" }
    package var json: JSON { elements.json }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Self? {
        switch json.value {
        case .array: return [Element].read(json, key: key, reader: &reader).map(Self.init)
        case .object, .null, .bool:
            reader.reportType(json, key: key, expected: expectation)
            return nil
        default: return Element.read(json, key: key, reader: &reader).map { Self([$0]) }
        }
    }
}

/// A value out of a closed set of names.
package protocol SettingChoice: SettingValue, RawRepresentable, CaseIterable where RawValue == String {
    /// The value of that name, or of another name for it.
    static func named(_ name: String) -> Self?
}

extension SettingChoice {
    package static func named(_ name: String) -> Self? { Self(rawValue: name) }
    package static var expectation: String { "one of " + allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") }
    package var json: JSON { JSON(.string(rawValue)) }
    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Self? {
        guard case .string(let name) = json.value else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        if let value = named(name) { return value }
        let hint =
            ForeignKeys.hint(forValue: name, of: key).map { "; \($0)" }
            ?? NearestName.of(name, among: allCases.map(\.rawValue)).map { "; did you mean \"\($0)\"?" } ?? ""
        reader.report("\(JSON(.string(name)).text()) is not known; expected \(expectation)\(hint)", key: key, at: json.position)
        return nil
    }
}
