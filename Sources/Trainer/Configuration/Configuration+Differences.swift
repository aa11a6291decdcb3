import Basics

/// A key that has another value than it had when a run began.
package struct ConfigurationDifference: Sendable, Equatable, CustomStringConvertible {
    /// Dotted, as in `compression.rules[0].keep`.
    package var key: String
    /// The values as JSON; nil where an entry of a list is not there.
    package var before: String?
    package var now: String?
    package var effect: SettingEffect

    package var description: String { "\(key): \(before ?? "not there") -> \(now ?? "not there")" }

    /// What a user can do about it; the empty text where nothing forbids it.
    var advice: String {
        switch effect {
        case .harmless: ""
        case .trajectory: " (--allow-changes \(key) accepts it)"
        case .settled(let reason): " (cannot change in a run that goes on: \(reason); set it back, or start a new run in another output_dir)"
        }
    }

    /// Whether one of the keys given to `--allow-changes` is this key or a group or list around it.
    package func isAllowed(by keys: [String]) -> Bool {
        keys.contains { key == $0 || key.hasPrefix($0 + ".") || key.hasPrefix($0 + "[") }
    }
}

extension Configuration {
    /// The keys whose values differ, in alphabetical order.
    ///
    /// - Parameter before: the configuration that the run was started with, as its checkpoint stores it.
    package func differences(from before: Configuration) -> [ConfigurationDifference] {
        let old = before.leaves
        let new = leaves
        return Set(old.keys).union(new.keys).sorted().compactMap { key in
            guard old[key] != new[key] else { return nil }
            return ConfigurationDifference(key: key, before: old[key], now: new[key], effect: effect(of: key, changedFrom: before))
        }
    }

    /// The changes that forbid to go on with a run: they would alter the steps to come and are not among the allowed keys, or could not have the effect that
    /// they seem to have.
    package func forbiddenChanges(from before: Configuration, allowing keys: [String] = []) -> [ConfigurationDifference] {
        differences(from: before).filter { difference in
            switch difference.effect {
            case .harmless: false
            case .trajectory: !difference.isAllowed(by: keys)
            case .settled: true
            }
        }
    }

    /// The keys of `--allow-changes` that do not exist, each with the nearest that does.
    package static func unknownKeys(among keys: [String]) -> [ConfigurationIssue] {
        let known = nestedKeys.map(\.name)
        return keys.compactMap { key in
            let plain = withoutIndices(key)
            if known.contains(plain) { return nil }
            let hint = NearestName.of(plain, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
            return ConfigurationIssue(place: .file("--allow-changes"), key: key, message: "unknown key\(hint)")
        }
    }

    private func effect(of key: String, changedFrom before: Configuration) -> SettingEffect {
        // Without a decaying rate and without a warm-up measured in all steps, the length of a run does not change its steps.
        func dependsOnLength(_ configuration: Configuration) -> Bool {
            configuration.learningRateScheduler != .constant || configuration.warmupRatio ?? 0 > 0
        }
        switch key {
        case "num_train_epochs" where maxSteps != nil && before.maxSteps != nil: return .harmless
        case "num_train_epochs", "max_steps":
            return dependsOnLength(self) || dependsOnLength(before) ? .trajectory : .harmless
        case "data_seed" where (dataSeed ?? seed) == (before.dataSeed ?? before.seed): return .harmless
        // A cache may move; whether there is one decides what is learnt from.
        case "distillation.cache" where (distillation.cache == nil) == (before.distillation.cache == nil): return .harmless
        default: break
        }
        let path = Self.withoutIndices(key)
        let known = Self.nestedKeys
        // An optional group that came or went has its own key.
        return (known.first { $0.name == path } ?? known.first { path.hasPrefix($0.name + ".") })?.effect ?? .trajectory
    }

    /// Every key with its value as text; lists of plain values are one value.
    var leaves: [String: String] {
        var leaves: [String: String] = [:]
        func walk(_ json: JSON, _ path: String) {
            if let members = json.members {
                for member in members { walk(member.value, path.isEmpty ? member.key : "\(path).\(member.key)") }
            } else if let elements = json.elements, elements.contains(where: { $0.members != nil }) {
                for (index, element) in elements.enumerated() { walk(element, "\(path)[\(index)]") }
            } else {
                leaves[path] = json.text()
            }
        }
        walk(json, "")
        return leaves
    }

    /// `datasets[0].path` as `datasets.path`.
    private static func withoutIndices(_ key: String) -> String {
        key.split(separator: ".").map { $0.prefix { $0 != "[" } }.joined(separator: ".")
    }
}
