import Basics

/// A group of keys: one table says how each is read, written, bounded and compared.
package protocol SettingGroup: SettingValue {
    /// All keys at their defaults.
    init()
    static var settings: [Setting<Self>] { get }
    /// Fills in what depends on several keys and reports those that contradict each other.
    mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader)
    /// Keys of earlier versions: without a value, as old checkpoints have them, they are passed over.
    static var formerKeys: [String] { get }
}

/// One key of a group.
package struct Setting<Group: SettingGroup>: Sendable {
    package let key: String
    package let effect: SettingEffect
    let nestedKeys: [SettingKey]
    let read: @Sendable (JSON, String, inout Group, inout ConfigurationReader) -> Void
    let json: @Sendable (Group) -> JSON

    /// - Parameters:
    ///   - bounds: the numbers accepted, for keys that hold a number or a list of numbers.
    ///   - check: says what is wrong with a value of the right type; nil if nothing is.
    init<Value: SettingValue>(
        _ key: String, _ path: WritableKeyPath<Group, Value> & Sendable, _ effect: SettingEffect = .trajectory,
        _ bounds: Bounds = .any, check: (@Sendable (Value) -> String?)? = nil
    ) {
        self.key = key
        self.effect = effect
        nestedKeys = Value.nestedKeys
        json = { $0[keyPath: path].json }
        read = { json, key, group, reader in
            guard let value = Value.read(json, key: key, reader: &reader) else { return }
            if let boundedNumber = value.boundedNumber, !bounds.contains(boundedNumber) {
                reader.report(
                    "\(json.text()) is out of range; expected \(Value.expectation) \(bounds.description)", key: key, at: json.position)
            } else if let complaint = check?(value) {
                reader.report(complaint, key: key, at: json.position)
            } else {
                group[keyPath: path] = value
            }
        }
    }
}

extension Setting {
    /// Whether a value is of the type of this key.
    func takes(_ json: JSON) -> Bool {
        var group = Group(), reader = ConfigurationReader(file: "")
        read(json, key, &group, &reader)
        return !reader.misfits.contains(key)
    }
}

/// Which keys of a group were given a value, and where.
package struct GivenKeys: Sendable {
    /// The path of the group, empty at the top level.
    package let path: String
    package let position: JSON.Position
    let positions: [String: JSON.Position]

    /// The place of a key that has a value other than `null`.
    package subscript(key: String) -> JSON.Position? { positions[key] }

    package func path(to key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension SettingGroup {
    package static var expectation: String { "a group of keys { ... }" }
    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {}
    package static var formerKeys: [String] { [] }

    package var json: JSON {
        .object(Self.settings.map { ($0.key, $0.json(self)) })
    }

    package static var nestedKeys: [SettingKey] {
        settings.flatMap { setting in
            [SettingKey(name: setting.key, effect: setting.effect)]
                + setting.nestedKeys.map { SettingKey(name: "\(setting.key).\($0.name)", effect: $0.effect.within(setting.effect)) }
        }
    }

    package static func read(_ json: JSON, key: String, reader: inout ConfigurationReader) -> Self? {
        guard let members = json.members else {
            reader.reportType(json, key: key, expected: expectation)
            return nil
        }
        let issuesBefore = reader.issues.count
        var group = Self()
        var positions: [String: JSON.Position] = [:]
        let settings = Self.settings
        for member in members {
            let path = key.isEmpty ? member.key : "\(key).\(member.key)"
            guard let setting = settings.first(where: { $0.key == member.key }) else {
                if formerKeys.contains(member.key), member.value.value.isNull { continue }
                reader.reportUnknown(member, path: path, siblings: settings.map(\.key)) { name in
                    settings.contains { $0.key == name && $0.takes(member.value) }
                }
                continue
            }
            if member.value.value.isNull == false { positions[member.key] = member.position }
            setting.read(member.value, path, &group, &reader)
        }
        group.finish(GivenKeys(path: key, position: json.position, positions: positions), reader: &reader)
        return reader.issues.count == issuesBefore || key.isEmpty ? group : nil
    }
}

extension JSON.Value {
    var isNull: Bool { if case .null = self { true } else { false } }
}
