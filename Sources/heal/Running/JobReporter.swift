import Basics
import Foundation
import Synchronization
import Trainer

/// Prints what happens in a job.
///
/// Where standard output is a terminal, step reports take turns on one line at the bottom; else each is a line of the output.
final class JobReporter {
    private let configuration: Trainer.Configuration
    private let mayStartAnew: Bool
    private var remaining: RemainingTime
    private var resumedStep: Int?
    private var forecast: RunForecast?
    private var saved: CheckpointReport?
    private let title: String
    let stage = StageNote()

    /// - Parameters:
    ///   - mayStartAnew: a checkpoint was to be looked for, and the job begins from the start where there is none.
    ///   - command: what the log says that was started.
    init(_ configuration: Trainer.Configuration, mayStartAnew: Bool, command: String) {
        title = "--- \(ISO8601DateFormatter().string(from: Date()))  \(ProgramVersion.text): \(command)"
        self.configuration = configuration
        self.mayStartAnew = mayStartAnew
        remaining = RemainingTime(configuration)
    }

    func report(_ event: JobEvent) {
        switch event {
        case .planned(let summary):
            Console.log(to: summary.outputDirectory + "/log.txt", title: title)
            Console.print(JobText.header(summary, configuration))
            forecast = RunForecast.ofLongRun(summary, configuration, resumedStep: resumedStep)
            if let forecast { line("time         " + forecast.text) }
            if mayStartAnew, resumedStep == nil { Console.print("no checkpoint in \(summary.outputDirectory) yet: starting from the beginning") }
        case .stage(let stage):
            self.stage.set(stage)
            let text = stage.text
            Console.status("")
            if Terminal.isOutput, Terminal.isError { Console.status(text + " ...") } else { line(text) }
        case .checking(let rows, let total):
            if rows < total { Console.progress("checking", rows, of: total, "rows") }
        case .note(let text): line("note: \(text.withoutCommandsAndLines)")
        case .decomposing(let progress):
            var line = JobText.progress(progress)
            if let forecast, let left = progress.secondsLeft {
                line.parts.append(.init("about \(HumanFormat.duration(left + forecast.secondsAfterDecomposition)) in all", rank: 2))
            }
            Console.progress(line)
        case .decomposed(let results):
            line(JobText.decomposed(results))
            let fits = results.filter { $0.fit != nil }
            if !fits.isEmpty { line(FitTable(fits).text()) }
        case .invalidCheckpoint(let path, let reason):
            Console.warnOfSkipped(checkpoint: path, reason: reason)
        case .resumed(let path, let progress):
            resumedStep = progress.step
            remaining.goOn(from: progress)
            line("going on from \(path), step \(HumanFormat.grouped(progress.step))")
        case .run(.step(let report)):
            remaining.add(.step(report))
            step(report)
        case .run(let event):
            remaining.add(event)
            if case .checkpoint(let report) = event { saved = report }
            line(event.text())
        case .exported(let path): line("exported to \(path)")
        case .finished(let result):
            Console.status("")
            if let rows = result.rows, let text = JobText.leftOut(rows) { Console.print(text) }
            guard case .complete = result.ending else { return }
            if let table = JobText.table(result) { Console.print("\n" + table) }
            if let text = JobText.ending(result) { Console.print(text) }
            if let checkpoint = result.checkpoint { Console.print("checkpoint  \(checkpoint)") }
            if let best = result.bestCheckpoint { Console.print("best        \(best)") }
            if let export = result.exportPath { Console.print("export      \(export)" + (result.healedStep.map { "  (step \(HumanFormat.grouped($0)))" } ?? "")) }
        }
    }

    /// A failure with what is left to do where the work itself is done.
    func completing(_ failure: Failure) -> Failure {
        guard stage.current == .exporting, let saved, let form = configuration.export?.target.rawValue, failure.messages.count == 1 else { return failure }
        var failure = failure
        let command = ShellText.command(["heal", "export", "--checkpoint", saved.path, "--to", form, "OUT"])
        failure.add(lines: ["The run is complete and saved; to export it elsewhere:", "  \(command)"])
        return failure
    }

    private func step(_ report: StepReport) {
        let left = remaining.seconds(after: report)
        let text = ProgressLine.text(report, secondsLeft: left)
        if Terminal.isOutput && Terminal.isError { Console.logLine(text) } else { line(text) }
        Console.status(ProgressLine.text(report, secondsLeft: left, width: Terminal.width - 1))
    }

    private func line(_ text: String) {
        Console.print(text)
        Console.flush()
    }
}

/// The stage that a job is in, for whoever is told of a signal on another thread.
final class StageNote: Sendable {
    private let stage = Mutex<JobStage?>(nil)

    var current: JobStage? { stage.withLock { $0 } }
    func set(_ new: JobStage) { stage.withLock { $0 = new } }
}
