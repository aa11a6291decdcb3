import Basics
import Foundation
@testable import HealData
import Testing

/// A template as jinja2 renders it in the environment of transformers; see `Tests/Golden/data/jinja.py`.
struct JinjaGolden: Sendable, CustomTestStringConvertible {
    let group: String
    let source: String
    let variables: [(name: String, value: JSON)]
    /// What is written, or the kind of error and its message.
    let output: String?
    let error: String?
    let message: String?

    var testDescription: String { source }

    init(_ json: JSON) {
        func text(_ key: String) -> String? { if case .string(let text)? = json[key]?.value { text } else { nil } }
        group = text("group") ?? ""
        source = text("source") ?? ""
        variables = (json["variables"]?.members ?? []).map { ($0.key, $0.value) }
        output = text("output")
        error = text("error")
        message = text("message")
    }

    static let all: [JinjaGolden] = {
        let data = try! Data(contentsOf: goldenDirectory.appendingPathComponent("jinja.json"))
        return try! JSONParser.parse(Array(data)).elements!.map { JinjaGolden($0) }
    }()

    static let groups = Array(Set(all.map(\.group))).sorted()

    /// What our interpreter writes, or its error.
    func rendered() -> Result<String, JinjaError> {
        do throws(JinjaError) {
            var interpreter = JinjaInterpreter(try JinjaTemplate(source), variables: variables.map { ($0.name, Self.value($0.value)) }, size: 1000)
            try interpreter.run()
            return .success(interpreter.output.string)
        } catch {
            return .failure(error)
        }
    }

    private static func value(_ json: JSON) -> JinjaValue {
        switch json.value {
        case .null: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .string(let text): .string(text)
        case .array(let elements): .list(elements.map(value))
        case .object(let members): .dictionary(JinjaDictionary(unique: members.map { (key: .string($0.key), value: value($0.value)) }))
        }
    }
}

@Suite struct JinjaTests {
    /// The same text or the same kind of error. What heal refuses is in a group of its own, and never rendered.
    @Test(arguments: JinjaGolden.groups) func agreesWithTheReference(group: String) {
        for golden in JinjaGolden.all where golden.group == group {
            switch (golden.rendered(), golden.output) {
            case (.success(let text), let output):
                #expect(golden.group != "refused" && text == output, "\(golden.source) wrote \(text), not \(output ?? golden.error ?? "")")
            case (.failure(let error), let output?):
                #expect(golden.group == "refused" && error.kind != .limit, "\(golden.source) wrote nothing (\(error)), not \(output)")
            case (.failure(let error), nil):
                #expect(Self.agree(error, golden), "\(golden.source) failed with \(error), not as \(golden.error ?? "")")
            }
        }
    }

    private static func agree(_ error: JinjaError, _ golden: JinjaGolden) -> Bool {
        switch golden.error {
        case "syntax": error.kind == .syntax || error.kind == .unsupported
        case "raised": error.kind == .raised && error.message == golden.message
        default: error.kind != .raised
        }
    }

    @Test func allGroupsAreThere() {
        #expect(JinjaGolden.groups.count == 15)
        #expect(JinjaGolden.all.count > 600)
    }

    /// The date of today is never written (`docs/templates.md`).
    @Test(arguments: [
        ("{{ strftime_now is defined }}{{ strftime_now is not undefined }}", "FalseFalse"),
        ("{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}1999{% endif %}", "1999"),
        ("{{ strftime_now('%d %b %Y') + ' ' + strftime_now('%A, %B %d, %y %H:%M:%S %%') }}", "26 Jul 2024 Friday, July 26, 24 00:00:00 %"),
    ])
    func todayIsNotWritten(source: String, expected: String) {
        let golden = JinjaGolden(JSON(.object([.init(key: "source", position: .start, value: JSON(.string(source)))])))
        #expect(golden.rendered() == .success(expected))
    }

    @Test(arguments: ["{{ strftime_now('%Q') }}", "{{ strftime_now('%') }}", "{{ strftime_now(1) }}", "{{ strftime_now() }}"])
    func otherDatesAreRefused(source: String) {
        let golden = JinjaGolden(JSON(.object([.init(key: "source", position: .start, value: JSON(.string(source)))])))
        guard case .failure(let error) = golden.rendered() else {
            Issue.record("\(source) was run")
            return
        }
        #expect(error.message.contains("strftime_now"))
    }

    @Test func errorsNameTheLine() {
        let sources = [
            ("a\n\n{{ x.y }}", 3), ("{% if true %}\n{{ 1 +\n }}", 3), ("{#\n\n#}{{ 'a\nb' }}{% for x in 5 %}{% endfor %}", 4),
            ("a\n{{ raise_exception('x') }}", 2),
        ]
        for (source, line) in sources {
            let golden = JinjaGolden(JSON(.object([.init(key: "source", position: .start, value: JSON(.string(source)))])))
            guard case .failure(let error) = golden.rendered() else {
                Issue.record("no error in \(source)")
                continue
            }
            #expect(error.line == line, "\(source): \(error)")
        }
    }

    /// The bytes in `{% generation %}` blocks, those in macros and captured text left out.
    @Test func generatedBytesAreKnown() throws {
        let template = try JinjaTemplate(
            "é{% generation %}\nab{% endgeneration %}c{% for i in 'xy' %}{% generation %}{{ i }}{% endgeneration %}{% endfor %}"
                + "{% set s %}{% generation %}q{% endgeneration %}{% endset %}{{ s }}")
        var interpreter = JinjaInterpreter(template, variables: [], size: 0)
        try interpreter.run()
        #expect(interpreter.output.string == "éabcxyq")
        #expect(interpreter.generated == [2..<4, 5..<6, 6..<7])
    }
}
