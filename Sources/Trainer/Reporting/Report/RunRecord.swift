import Basics
import Foundation

/// What a run's output directory says about it: `metrics.jsonl`, `run.json`, `compression.json`, `sensitivity/sensitivity.svg`.
package struct RunRecord: Sendable {
    package struct Step: Sendable, Equatable {
        package var step: Int
        package var loss: Double
        package var learningRate: Double
        package var tokens: Int
        package var tokensPerSecond: Double
        package var seconds: Double
        package var memoryBytes: Double
        /// nil where the system did not say.
        package var joules: Double?
    }

    package struct Evaluation: Sendable, Equatable {
        package var step: Int
        package var stage: String
        /// nil for the held-back rows.
        package var text: String?
        package var loss: Double
        package var rows: Int
        package var tokens: Int
    }

    package struct Sample: Sendable, Equatable {
        package var step: Int
        /// "dense", "truncated" or "healing".
        package var stage: String
        package var prompt: String
        package var text: String
    }

    /// The directory's name.
    package let name: String
    package private(set) var steps: [Step] = []
    package private(set) var totalSteps = 0
    package private(set) var evaluations: [Evaluation] = []
    package private(set) var samples: [Sample] = []
    /// nil where the run goes on, was killed, or is older than this record.
    package private(set) var end: EndReport?
    package private(set) var matrices: [CompressedMatrix] = []
    /// The picture that `heal sensitivity` left in the directory, SVG.
    package private(set) var sensitivity: [UInt8]?
    /// nil where the run is older than this file, or it is damaged.
    package private(set) var facts: RunFacts?
    /// Lines that say nothing: cut short, damaged, or of another kind.
    package private(set) var unreadable = 0

    /// - Throws: when the directory holds no metrics.
    package init(directory: String) throws {
        name = (directory as NSString).standardizingPath.components(separatedBy: "/").last ?? directory
        let path = directory + "/metrics.jsonl"
        guard FileSystem.kind(of: path) == .file else {
            throw HealError(.data, "\(directory): holds no metrics.jsonl; name the output directory of a run that reports to \"jsonl\"")
        }
        for line in try FileSystem.readAll(path).split(separator: 0x0A) {
            if let json = try? JSONParser.parse(Array(line)), take(json) { continue }
            unreadable += 1
        }
        facts = RunFacts(directory: directory)
        let compression = directory + "/" + CompressedMatrix.fileName
        if FileSystem.kind(of: compression) == .file {
            do {
                matrices = try JSONDecoder.ofRecords().decode([CompressedMatrix].self, from: Data(try FileSystem.readAll(compression)))
            } catch { throw HealError(.data, "\(compression): is not what a run writes there: \(error)") }
        }
        let picture = directory + "/sensitivity/sensitivity.svg"
        if FileSystem.kind(of: picture) == .file { sensitivity = try FileSystem.readAll(picture) }
    }

    private mutating func take(_ json: JSON) -> Bool {
        guard case .string(let type)? = json["type"]?.value, let step = json["step"]?.integer else { return false }
        switch type {
        case "step":
            guard let loss = json["loss"]?.number else { return false }
            totalSteps = max(totalSteps, json["total_steps"]?.integer ?? step)
            steps.append(.init(
                step: step, loss: loss, learningRate: json["learning_rate"]?.number ?? .nan, tokens: json["tokens"]?.integer ?? 0,
                tokensPerSecond: json["tokens_per_second"]?.number ?? .nan, seconds: json["seconds"]?.number ?? 0,
                memoryBytes: json["memory_bytes"]?.number ?? .nan, joules: json["joules"]?.number))
        case "evaluation":
            guard let loss = json["loss"]?.number, let stage = json["stage"]?.string else { return false }
            evaluations.append(.init(
                step: step, stage: stage, text: json["text"]?.string, loss: loss, rows: json["rows"]?.integer ?? 0, tokens: json["tokens"]?.integer ?? 0))
        case "sample":
            guard let text = json["text"]?.string else { return false }
            samples.append(.init(step: step, stage: json["stage"]?.string ?? "healing", prompt: json["prompt"]?.string ?? "", text: text))
        case "end":
            guard let ending = json["ending"]?.string.flatMap({ EndReport.Ending(rawValue: $0) }), let total = json["total_steps"]?.integer,
                let tokens = json["tokens"]?.integer, let seconds = json["seconds"]?.number
            else { return false }
            end = EndReport(ending: ending, step: step, totalSteps: total, resultStep: json["result_step"]?.integer, tokens: tokens, seconds: seconds)
            totalSteps = total
        case "warning": break
        default: return false
        }
        return true
    }

    // MARK: What follows from it

    /// What was looked at: the held-back rows (nil) and texts, in the order of their first evaluation.
    package var sets: [String?] {
        var seen: Set<String?> = []
        return evaluations.map(\.text).filter { seen.insert($0).inserted }
    }

    /// The evaluation of a stage on a set: of the healed model that of the step that is handed over, else the last one.
    private func evaluation(_ stage: String, on set: String?) -> Evaluation? {
        let step = stage == "healing" ? end?.resultStep : nil
        return evaluations.last { $0.stage == stage && $0.text == set && (step == nil || $0.step == step) }
    }

    package func loss(_ stage: String, on set: String?) -> Double? { evaluation(stage, on: set)?.loss }

    /// The loss against the tokens trained on by then, from truncated on.
    package func healing(on set: String?) -> [(tokens: Double, loss: Double)] {
        evaluations.filter { $0.text == set && $0.stage != "dense" }.map { (tokens(upTo: $0.step), $0.loss) }
    }

    /// Whether it started from plain TT-SVD: nothing was fitted to data.
    package var isPlain: Bool { !matrices.isEmpty && matrices.allSatisfy { $0.heldError == nil } }

    /// The share of the parameters of all compressed matrices that is kept.
    package var keptShare: Double {
        let dense = matrices.reduce(0) { $0 + Double($1.out) * Double($1.in) }
        return dense > 0 ? matrices.reduce(0) { $0 + Double($1.parameters) } / dense : 1
    }

    /// The share of the rise in loss under plain TT-SVD that is not there after healing: unlike ``recovered(on:)`` it counts a better start.
    ///
    /// - Parameter plain: a run that started so; nil where it is of another model, size or set, or too few tokens were looked at to tell.
    package func recovered(on set: String?, ofRiseIn plain: RunRecord) -> Double? {
        guard plain.isPlain, abs(plain.keptShare - keptShare) < 0.02, let dense = loss("dense", on: set), let healed = evaluation("healing", on: set),
            healed.tokens >= ResultTable.fewestTokens, let other = plain.loss("dense", on: set), abs(other - dense) < 1e-3,
            let truncated = plain.loss("truncated", on: set), truncated > dense
        else { return nil }
        return (truncated - healed.loss) / (truncated - dense)
    }

    /// The three losses on a set; nil where truncation did no harm, something was not measured, or not on the same tokens.
    private func losses(on set: String?) -> (dense: Double, truncated: Double, healed: Double, tokens: Int)? {
        let found = ["dense", "truncated", "healing"].compactMap { evaluation($0, on: set) }
        guard found.count == 3, Set(found.map(\.tokens)).count == 1, found[1].loss > found[0].loss else { return nil }
        return (found[0].loss, found[1].loss, found[2].loss, found[0].tokens)
    }

    /// The share of the rise in loss that healing won back; nil where there was none, or where too few tokens were looked at to tell.
    package func recovered(on set: String?) -> Double? {
        guard let found = losses(on: set), found.tokens >= ResultTable.fewestTokens else { return nil }
        return (found.truncated - found.healed) / (found.truncated - found.dense)
    }

    /// The same for a person: words where a share would say nothing.
    package func wonBack(on set: String?) -> String {
        guard let (dense, truncated, healed, _) = losses(on: set) else { return "" }
        guard let share = recovered(on: set) else { return "too few tokens to tell" }
        if healed < dense { return "all, and the loss is \(HumanFormat.fixed(dense - healed, decimals: 3)) lower than dense" }
        if healed > truncated { return "none: the loss is \(HumanFormat.fixed(healed - truncated, decimals: 3)) higher than truncated" }
        return HumanFormat.percent(share)
    }

    /// Steps done, as far as the files tell.
    package var lastStep: Int { end?.step ?? max(steps.last?.step ?? 0, evaluations.last?.step ?? 0) }
    /// Tokens, seconds and energy of all steps. What the end of the run does not tell is estimated where not every step was logged.
    package var tokens: Double { end.map { Double($0.tokens) } ?? tokens(upTo: lastStep) }
    package var seconds: Double { end?.seconds ?? total(upTo: lastStep) { $0.seconds } }
    package func tokens(upTo step: Int) -> Double { total(upTo: step) { Double($0.tokens) } }
    package var joules: Double? {
        steps.isEmpty || steps.contains(where: { $0.joules == nil }) ? nil : total(upTo: lastStep) { $0.joules ?? 0 }
    }

    /// A sum over the steps up to one: an entry stands for the steps since the one before it, the last one for those after it, too.
    private func total(upTo step: Int, of value: (Step) -> Double) -> Double {
        var sum = 0.0, before = 0.0
        for (index, entry) in steps.enumerated() {
            let through = index == steps.count - 1 ? Double(step) : Double(min(step, entry.step))
            sum += value(entry) * max(0, through - before)
            before = max(before, Double(entry.step))
        }
        return sum
    }
    package var peakMemory: Double? { steps.map(\.memoryBytes).filter(\.isFinite).max() }

    /// The mean of each loss with those of the `width` - 1 entries around it.
    package func smoothedLoss(width: Int) -> [Double] {
        steps.indices.map { index in
            let around = steps[max(0, index - width / 2)...min(steps.count - 1, index + width / 2)]
            return around.reduce(0) { $0 + $1.loss } / Double(around.count)
        }
    }
}

extension JSON {
    fileprivate var number: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
    fileprivate var integer: Int? { if case .integer(let number) = value { number } else { nil } }
    fileprivate var string: String? { if case .string(let text) = value { text } else { nil } }
}
