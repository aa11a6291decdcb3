import HealData
import Kernels

extension HealingJob {
    private struct Stopped: Error {}

    /// Reads and encodes every row of the data before anything is computed, so that a mistake in a late row is found now and not after hours.
    /// What a resumed run has been through already is not gone through again. Nothing that is trained on depends on it.
    ///
    /// - Returns: false where it was stopped on the way.
    /// - Throws: an error that lists the first bad rows, unless the configuration leaves such rows out.
    func checkRows(_ prepared: Prepared, _ stop: () -> Bool, _ watch: (JobEvent) throws -> Void) throws -> Bool {
        if prepared.checkpoint != nil, !prepared.acceptsOtherData { return true }
        let report: DataReport
        do {
            report = try prepared.dataset.report(threads: Parallel.threads) { done, total in
                try watch(.checking(rows: done, of: total))
                if stop() { throw Stopped() }
            }
        } catch is Stopped { return false }
        if configuration.onBadLine == .error { try Self.requireNoErrors(report) }
        for note in report.files.flatMap(\.unreadKeys) { try watch(.note(note.description)) }
        if let note = Self.shortage(heldBack: prepared.dataset.heldBack.count) { try watch(.note(note)) }
        return true
    }

    private static func requireNoErrors(_ report: DataReport) throws {
        let listed = report.files.flatMap(\.firstErrors), count = report.files.reduce(0) { $0 + $1.errorCount }
        guard count > 0 else { return }
        var lines = listed.prefix(10).map(\.description)
        if count > lines.count { lines.append("and \(HumanFormat.grouped(count - lines.count)) more bad rows") }
        if count > 1 { lines.append("on_bad_line: \"skip\" leaves such rows out") }
        throw HealError(.data, lines[0], details: Array(lines.dropFirst()))
    }

    /// A word on few held-back rows; nil where there are enough, or none, which is another matter.
    package static func shortage(heldBack rows: Int) -> String? {
        guard rows > 0, rows < EvaluationResult.fewestRows else { return nil }
        return "only \(rows) \(rows == 1 ? "row is" : "rows are") held back: what evaluations say of so few is mostly noise; "
            + "set val_size to \(EvaluationResult.fewestRows) or more (rows), or add a data set with the split validation"
    }
}
