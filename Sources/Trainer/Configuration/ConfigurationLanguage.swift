import Foundation

/// What a configuration is written in that is no JSON.
enum ConfigurationLanguage: String {
    case yaml = "YAML", toml = "TOML", python = "Python"

    /// The language by the file's name, or by its first line that says something; nil where neither tells.
    static func of(_ bytes: [UInt8], file: String) -> Self? {
        switch (file as NSString).pathExtension.lowercased() {
        case "yaml", "yml": return .yaml
        case "toml": return .toml
        case "py": return .python
        default: break
        }
        let lines = String(decoding: bytes.prefix(1 << 16), as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let first = lines.first(where: { !$0.hasPrefix("#") && !$0.hasPrefix("---") && !$0.hasPrefix("%") && $0.contains { !$0.isWhitespace } }) else { return nil }
        if first.starts(with: #/(import|from|def|class) |@/#) { return .python }
        if first.starts(with: #/\[\[?[A-Za-z0-9_. "-]+\]\]?\s*(#|$)/#) || first.starts(with: #/[A-Za-z0-9_.-]+\s*=/#) { return .toml }
        return first.starts(with: #/(- )?[A-Za-z0-9_.-]+\s*:(\s|$)/#) || first.hasPrefix("- ") ? .yaml : nil
    }

    /// What to do with such a file.
    func advice(for file: String) -> String {
        let target = (file as NSString).deletingPathExtension + ".json"
        func command(_ modules: String, _ value: String) -> String {
            "python3 -c 'import json, sys\(modules); json.dump(\(value), open(sys.argv[2], \"w\"), indent=2)' \(file) \(target)"
        }
        switch self {
        case .yaml:
            return "is YAML; a configuration is JSON. This makes one of it: \(command(", yaml", "yaml.safe_load(open(sys.argv[1]))"))   "
                + "(it takes PyYAML; that reads 2e-4 as text, which is a number without quotes in JSON)"
        case .toml: return "is TOML; a configuration is JSON. This makes one of it: \(command(", tomllib", "tomllib.load(open(sys.argv[1], \"rb\"))"))"
        case .python: return "is Python; a configuration is JSON. configs/README.md lists its keys, and configs/ has examples"
        }
    }
}
