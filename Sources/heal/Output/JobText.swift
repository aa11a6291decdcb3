import Basics
import HealData
import Models
import Trainer

/// A job in words: before it starts, and when it has ended.
enum JobText {
    /// What is about to happen, a few lines.
    static func header(_ summary: JobSummary, _ configuration: Trainer.Configuration) -> String {
        let plan = summary.plan, model = summary.configuration
        let files = summary.files.count == 1 ? "1 file" : "\(summary.files.count) files"
        let steps = summary.totalSteps.map { "\(HumanFormat.grouped($0)) of " } ?? "as many as \(HumanFormat.significant(configuration.trainEpochs)) passes over the data have, each of "
        return lines([
            (
                "model",
                "\(summary.modelPath)  (\(model.family.rawValue), \(model.layers) blocks, hidden \(model.hiddenSize), vocabulary \(HumanFormat.grouped(model.vocabularySize)))"
            ),
            ("parameters", parameters(plan)),
            ("compression", compression(plan)),
        ] + teacher(summary, configuration.distillation) + [
            ("computing", computing(summary)),
            (
                "data",
                summary.files.isEmpty ? "not counted" : "\(HumanFormat.grouped(summary.files.reduce(0) { $0 + $1.rows })) rows in \(files), \(HumanFormat.grouped(summary.heldBackRows)) held back"
            ),
            ("steps", steps + step(configuration, rowLength: summary.rowLength, ranks: summary.ranks)),
            ("output", summary.outputDirectory),
        ])
    }

    static func parameters(_ plan: CompressionPlan) -> String {
        "\(HumanFormat.grouped(plan.denseTotal)) -> \(plan.isProvisional ? "about \(HumanFormat.significant(Double(plan.total), digits: 3))" : HumanFormat.grouped(plan.total)) "
            + (plan.total > plan.denseTotal
                ? "(more than the dense model; a smaller \"keep\" saves parameters)" : "(\(HumanFormat.share(of: plan.total, in: plan.denseTotal)) of the model)")
    }

    static func compression(_ plan: CompressionPlan) -> String {
        let compressed = plan.compressed
        if compressed.isEmpty { return "none of \(plan.entries.count) matrices" }
        let cores = Set(compressed.compactMap { $0.layout?.cores }).sorted()
        let range = cores.count == 1 ? "\(cores[0])" : "\(cores[0]) to \(cores[cores.count - 1])"
        return "\(compressed.count) of \(plan.entries.count) matrices, \(range) cores each, \(plan.keptFraction > 1 ? "all" : HumanFormat.percent(plan.keptFraction)) of them kept"
    }

    private static func teacher(_ summary: JobSummary, _ settings: DistillationConfiguration) -> [(String, String)] {
        guard let path = summary.teacherPath else { return [] }
        let share = "\(HumanFormat.percent(settings.weight)) of the loss"
        let tokens = settings.tokens == .all ? "at all tokens" : "at tokens with a label"
        let temperature = settings.temperature == 1 ? "" : ", temperature \(HumanFormat.significant(settings.temperature))"
        return [("teacher", "\(path)  (\(share), \(tokens)\(temperature)\(settings.cache.map { ", answers kept in \($0)" } ?? ""))")]
    }

    private static func computing(_ summary: JobSummary) -> String {
        "\(summary.compute.words) on \(summary.threads) \(summary.threads == 1 ? "thread" : "threads")" + (summary.ranks == 1 ? "" : " of each of \(summary.ranks) ranks")
    }

    static func step(_ c: Trainer.Configuration, rowLength: Int, ranks: Int = 1) -> String {
        let tokens = c.perDeviceTrainBatchSize * rowLength * c.gradientAccumulationSteps * ranks
        let windows = (c.gradientAccumulationSteps == 1 ? "" : ", \(c.gradientAccumulationSteps) times") + (ranks == 1 ? "" : ", on \(ranks) ranks")
        return "\(c.perDeviceTrainBatchSize) rows of \(HumanFormat.grouped(rowLength)) tokens\(windows): up to \(HumanFormat.grouped(tokens)) tokens a step"
    }

    /// A matrix that was decomposed, and how long the others will take.
    static func progress(_ p: DecompositionProgress) -> FittedLine {
        let work =
            switch p.phase {
            case .gradients: "measuring how the loss depends on each matrix"
            case .sizes: "measuring what each size would lose"
            case .cores: "decomposing"
            case .gauge: "balancing the cores"
            }
        var line = FittedLine([.init("\(work) \(p.done)/\(p.total)"), .init(p.name, rank: 2, shortens: true)])
        if let rate = p.parametersPerSecond, let left = p.secondsLeft {
            line.parts.append(.init("\(HumanFormat.significant(rate / 1e6, digits: 3)) million parameters/s", rank: 3))
            line.parts.append(.init("\(HumanFormat.duration(left)) left", rank: 1))
        }
        return line
    }

    /// How much was lost, in one line.
    static func decomposed(_ results: [Compressor.Result]) -> String {
        func words(_ errors: [Double]) -> String {
            let mean = errors.reduce(0, +) / Double(max(1, errors.count))
            return "\(HumanFormat.significant(mean, digits: 3)) on average, \(HumanFormat.significant(errors.max() ?? 0, digits: 3)) at most"
        }
        let fits = results.compactMap(\.fit)
        if fits.isEmpty { return "decomposed \(results.count) matrices: relative error \(words(results.map(\.relativeError)))" }
        return "decomposed \(results.count) matrices: relative output error on rows not fitted \(words(fits.map(\.heldError)))"
    }

    /// What of the data the run did not see, or not whole; nil when it saw all it read.
    static func leftOut(_ rows: DataCounters) -> String? {
        var parts = rows.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.filter { $0.value > 0 }
            .map { "\(HumanFormat.grouped($0.value)) left out (\($0.key.words))" }
        if rows.truncated > 0 { parts.append("\(HumanFormat.grouped(rows.truncated)) longer than max_seq_length") }
        return parts.isEmpty ? nil : "of \(HumanFormat.grouped(rows.rows)) rows read, " + parts.joined(separator: ", ")
    }

    /// What of a finished run its last step does not tell: that it ended early, and which step the result is of.
    static func ending(_ result: JobResult) -> String? {
        let early = result.isStoppedEarly
            ? "stopped early, after step \(HumanFormat.grouped(result.step)) of \(HumanFormat.grouped(result.totalSteps)): nothing was gained for \"early_stopping_patience\" evaluations" : nil
        let best = result.best.map { best in
            "best step: \(HumanFormat.grouped(best.step)), \(best.metric) \(HumanFormat.fixed(best.value, decimals: 4))"
                + (result.healedStep == best.step ? "; \"healed\" is the model of that step" : "; \"healed\" is that of the last step, \(HumanFormat.grouped(result.step))")
        }
        let lines = [early, best].compactMap(\.self)
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// Dense, truncated and healed, as far as they were measured.
    static func table(_ result: JobResult) -> String? {
        typealias Row = ResultTable.Row
        if let dense = result.dense, let truncated = result.truncated, let healed = result.healed {
            return ResultTable(
                dense: Row(loss: dense.loss, parameters: result.denseParameters), truncated: Row(loss: truncated.loss, parameters: result.parameters),
                healed: Row(loss: healed.loss, parameters: result.parameters)
            ).text(tokens: min(dense.tokens, truncated.tokens, healed.tokens), width: Terminal.lineWidth)
        }
        let rows = [("dense", result.dense), ("truncated", result.truncated), ("healed", result.healed)].compactMap { name, found in
            found.map { [name, HumanFormat.fixed($0.loss, decimals: 4), HumanFormat.significant($0.perplexity)] }
        }
        return rows.isEmpty ? nil : TextTable(header: ["model", "loss", "perplexity"], rows: rows).text(width: Terminal.lineWidth)
    }

    /// Names flush left, what belongs to them beside; on a terminal broken at blanks.
    static func lines(_ pairs: [(name: String, text: String)], width: Int? = Terminal.lineWidth) -> String {
        let names = pairs.map(\.name.displayWidth).max() ?? 0, room = width.map { max(8, $0 - names - 2) }
        return pairs.map { name, text in
            let lines = room.map { TextWrap.lines(text, width: $0) } ?? [text]
            return name.padded(columns: names) + "  " + lines.joined(separator: "\n" + String(repeating: " ", count: names + 2))
        }.joined(separator: "\n")
    }
}
