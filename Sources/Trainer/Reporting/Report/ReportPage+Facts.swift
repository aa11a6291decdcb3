import Foundation

extension ReportPage {
    /// What was run: a column for each run that says so.
    var facts: String {
        let told = runs.compactMap { run in run.facts.map { (run.name, $0) } }
        if told.isEmpty { return HTML.note("These runs left no \(RunFacts.fileName), so this page does not say what they are of.") }
        let missing = runs.filter { $0.facts == nil }.map { HTML.note("\($0.name): left no \(RunFacts.fileName); what it is of is not known.") }.joined()
        var rows: [[String]] = []
        func row(_ name: String, _ text: (RunFacts) -> String?) {
            let cells = told.map { text($0.1) ?? "" }
            if cells.contains(where: { !$0.isEmpty }) { rows.append([name] + cells) }
        }
        row("model") { "\($0.model)\n\($0.family), \($0.blocks) blocks, hidden \($0.hidden), vocabulary \(HumanFormat.grouped($0.vocabulary))" }
        row("teacher") { $0.teacher }
        row("parameters") { "\(HumanFormat.grouped($0.denseParameters)) dense, \(HumanFormat.grouped($0.parameters)) compressed: \(HumanFormat.share(of: $0.parameters, in: $0.denseParameters))" }
        row("size in bf16") { "\(HumanFormat.bytes(2 * $0.denseParameters)) dense, \(HumanFormat.bytes(2 * $0.parameters)) compressed" }
        row("data") { facts in
            facts.files.map { "\($0.path): \($0.format), \(HumanFormat.grouped($0.rows)) rows, \(HumanFormat.bytes($0.bytes))\($0.use)" }.joined(separator: "\n")
        }
        row("held back") { "\(HumanFormat.grouped($0.heldBackRows)) rows" }
        row("steps") { HumanFormat.grouped($0.totalSteps) }
        row("settings that are not the defaults") { $0.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n") }
        row("computed") { facts in
            facts.sessions.last.map { "\($0.dtype) on \($0.threads) \($0.threads == 1 ? "thread" : "threads")\($0.ranks > 1 ? " of each of \($0.ranks) ranks" : ""), \($0.processor)" }
        }
        row("begun") { $0.sessions.map { $0.began + ($0.step > 0 ? ", from step \(HumanFormat.grouped($0.step))" : "") }.joined(separator: "\n") }
        row("program") { $0.sessions.last.map { "\($0.program); \($0.libraries)" } }
        return "<h2>What was run</h2>\n" + HTML.table("What was run", runs.count > 1 ? [""] + told.map(\.0) : [], rows, isText: true) + missing
    }

    // MARK: What can be compared

    /// Whether a run's losses on a set are of the same rows and the same original as the first run's.
    func isComparable(_ run: RunRecord, on set: String?) -> Bool { reason(run, on: set) == nil }

    private func reason(_ run: RunRecord, on set: String?) -> String? {
        guard let first = runs.first(where: { $0.sets.contains(set) }), let one = first.evaluations.last(where: { $0.text == set }),
            let other = run.evaluations.last(where: { $0.text == set })
        else { return nil }
        if (one.tokens, one.rows) != (other.tokens, other.rows) {
            func words(_ found: RunRecord.Evaluation) -> String { "\(HumanFormat.grouped(found.rows)) rows with \(HumanFormat.grouped(found.tokens)) tokens" }
            return "looked at \(words(other)), \(first.name) at \(words(one))"
        }
        if let a = first.loss("dense", on: set), let b = run.loss("dense", on: set), abs(a - b) > 1e-3 { return "its original has another loss there than that of \(first.name): another model, other rows, or another type" }
        return nil
    }

    /// Marked rows, and what else differs between the runs.
    var comparison: String {
        var notes: [String] = []
        for run in runs.dropFirst() {
            for set in run.sets { if let reason = reason(run, on: set) { notes.append("† \(run.name) on \(Self.name(set)) cannot be compared: \(reason).") } }
            guard let one = runs[0].facts, let other = run.facts else { continue }
            if (one.blocks, one.hidden, one.vocabulary, one.denseParameters) != (other.blocks, other.hidden, other.vocabulary, other.denseParameters) {
                notes.append("\(run.name) is of another model than \(runs[0].name); perplexities of different vocabularies cannot be compared.")
            }
            if one.files.map(\.content) != other.files.map(\.content) {
                notes.append("\(run.name) was trained on other data than \(runs[0].name).")
            } else if one.files.map({ $0.format + $0.use }) != other.files.map({ $0.format + $0.use }) {
                notes.append("\(run.name) took the same files otherwise than \(runs[0].name): their format, weight, columns or split differ.")
            }
            if one.totalSteps != other.totalSteps { notes.append("\(run.name) has \(HumanFormat.grouped(other.totalSteps)) steps, \(runs[0].name) \(HumanFormat.grouped(one.totalSteps)).") }
        }
        return notes.map(HTML.note).joined()
    }
}
