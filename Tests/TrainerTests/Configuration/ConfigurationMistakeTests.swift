import Foundation
import Testing
@testable import Trainer

/// The exact words for every mistake: `Tests/Golden/config/mistakes.txt`.
@Suite struct ConfigurationMistakeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var overrides: [String]
        var file: String
        var message: String
        var testDescription: String { name }
    }

    static let cases: [Case] = {
        let text = try! String(contentsOf: golden("config/mistakes.txt"), encoding: .utf8)
        return text.components(separatedBy: "\n### ").dropFirst().map { block in
            let parts = block.components(separatedBy: "\n>>>\n")
            var lines = parts[0].components(separatedBy: "\n")
            let name = lines.removeFirst()
            var overrides: [String] = []
            while let line = lines.first, line.hasPrefix("--set ") {
                overrides.append(String(line.dropFirst(6)))
                lines.removeFirst()
            }
            return Case(
                name: name, overrides: overrides, file: lines.joined(separator: "\n"), message: parts[1].trimmingCharacters(in: .newlines))
        }
    }()

    @Test func tableIsThere() { #expect(Self.cases.count > 60) }

    @Test(arguments: cases) func message(_ mistake: Case) {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.parse(Array(mistake.file.utf8), file: "configs/x.json", overrides: mistake.overrides)
        }
        #expect(error?.description == mistake.message)
    }
}
