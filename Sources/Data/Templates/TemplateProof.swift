/// Whether a renderer writes what a model's own template writes, found out by running that template.
///
/// The features by which a template is recognised do not tell everything about it: a line feed more or less makes another template of it.
enum TemplateProof {
    private static let marks = TemplateMarks(bos: "<s>", eos: "</s>")

    private static let rounds: [Turn] = [
        Turn(.user, " one\n"), Turn(.assistant, "\n two "), Turn(.user, "three"), Turn(.assistant, "four"),
    ]

    /// Conversations in which the known templates differ.
    private static let probes: [[Turn]] = [
        Array(rounds.prefix(2)), rounds, [Turn(.system, " be brief ")] + rounds, rounds + [Turn(.user, "five")],
        [Turn(.user, "a"), Turn(.assistant, "<think>\nhm\n</think>\n\nb"), Turn(.user, "c"), Turn(.assistant, "<think>\nso\n</think>\n\nd")],
        [Turn(.user, "a"), Turn(.tool, "1"), Turn(.tool, "2"), Turn(.assistant, "b")],
    ]

    /// - Throws: the reason why the source cannot be run.
    static func holds(_ template: ChatTemplate, for source: String) throws(JinjaError) -> Bool {
        let jinja = try JinjaTemplate(source)
        guard probes.allSatisfy({ agree(template, jinja, $0, false) }) else { return false }
        return agree(template, jinja, probes[3], true) || leavesTheOpeningToOthers(jinja)
    }

    /// Some sources know no generation prompt: then nothing contradicts the renderer's.
    private static func leavesTheOpeningToOthers(_ jinja: JinjaTemplate) -> Bool {
        (try? written(by: jinja, probes[3], true)) == (try? written(by: jinja, probes[3], false))
    }

    /// Both write the same, or the template refuses: then the renderer is asked for nothing that the template does not do.
    private static func agree(_ template: ChatTemplate, _ jinja: JinjaTemplate, _ turns: [Turn], _ forGeneration: Bool) -> Bool {
        let expected = template.hasPlace(for: .turns(turns)) ? try? template.render(.turns(turns), marks: marks, forGeneration: forGeneration).bytes : nil
        do throws(JinjaError) {
            // A turn that the renderer refuses by name, as Zephyr's of a tool, may be dropped by the template.
            let written = try written(by: jinja, turns, forGeneration)
            return expected == nil || expected == written
        } catch {
            return error.kind == .raised ? expected == nil || turns.contains { $0.role == .tool } : false
        }
    }

    private static func written(by jinja: JinjaTemplate, _ turns: [Turn], _ forGeneration: Bool) throws(JinjaError) -> [UInt8] {
        try TemplateRun(jinja, turns, marks: marks).text(ofFirst: turns.count, forGeneration: forGeneration).text.bytes
    }
}
