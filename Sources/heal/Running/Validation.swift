import Basics
import Foundation
import HealData
import Kernels
import Models
import Trainer

/// Looks for mistakes in a configuration and in everything it names, and goes on after each as far as it can.
struct Validation {
    private(set) var mistakes = Failure([], .badInput)
    /// What is no mistake but worth a word.
    private(set) var notes: [String] = []
    private(set) var summary = ""

    /// - Throws: only where there is no configuration to look at.
    mutating func run(path: String, overrides: [String]) throws {
        guard FileSystem.kind(of: path) == .file || FileSystem.kind(of: path) == .other else {
            var failure = Failure.configurationMissing(path)
            failure.status = .missingInput
            throw failure
        }
        let configuration: Trainer.Configuration
        do {
            configuration = try .load(path: path, overrides: overrides)
        } catch {
            add(error)
            guard let rest = FaultyConfiguration(path: path, overrides: overrides).withoutMistakes(error.issues) else { return }
            configuration = rest
        }
        for issue in try configuration.checkPaths() { add(issue) }
        let opened = openModel(configuration)
        if let opened { checkModel(opened, configuration) }
        checkData(configuration, opened)
    }

    private mutating func add(_ error: any Error, at place: String? = nil) {
        let failure = Failure(error)
        // What the machine lacks says nothing of what was to be looked at.
        if failure.status == .inputOutput { mistakes.status = .inputOutput }
        mistakes.add(failure, at: place)
    }

    private mutating func openModel(_ c: Trainer.Configuration) -> OpenedModel? {
        guard let model = c.existingModel(c.model), c.tokenizer.map({ c.existingPath($0) != nil }) ?? true else { return nil }  // named already
        do {
            let opened = try OpenedModel.open(model, tokenizer: c.tokenizer.map { c.existingPath($0) ?? $0 })
            notes += opened.warnings
            try checkNumbers(opened)
            return opened
        } catch {
            add(error)
            return nil
        }
    }

    /// Looks at every weight once.
    private mutating func checkNumbers(_ opened: OpenedModel) throws {
        let errors = try opened.unusableNumbers { done, total in Console.progress("reading", done, of: total, "tensors") }
        for error in errors { add(error) }
    }

    private mutating func checkModel(_ opened: OpenedModel, _ c: Trainer.Configuration) {
        var compute = ComputeChoice(.f32)
        do {
            compute = try HealingJob(c).computeChoice(opened.configuration)
            notes.append("computes in \(compute.words)")
        } catch { add(error, at: c.place("dtype")) }
        do { try opened.configuration.checkContext(c.rowLength(opened.configuration), file: opened.path) } catch { add(error, at: c.place("max_seq_length")) }
        do {
            let plan = try CompressionPlan(opened.configuration, c.compression, present: opened.layouts)
            for issue in c.issues(with: plan, of: opened.configuration, present: opened.layouts) { add(issue) }
            if plan.compressed.isEmpty, c.trainable.isEmpty { mistakes.add("\(c.place("compression")): nothing would be trained: no matrix is compressed") }
            for issue in HealingJob(c).checkSpace(for: opened, plan) { add(issue) }
            do { try checkTeacher(opened, c, compute.type) } catch { add(error, at: c.place("distillation")) }
            summary = "ok: parameters \(JobText.parameters(plan))"
        } catch { add(error, at: c.place("compression")) }
    }

    /// Finds the teacher and, where its answers are kept, reads what is there.
    private mutating func checkTeacher(_ opened: OpenedModel, _ c: Trainer.Configuration, _ compute: DType) throws {
        let job = HealingJob(c), teacher = try job.openTeacher(of: opened)
        if let teacher, teacher.path != opened.path {
            notes += teacher.warnings
            try checkNumbers(teacher)
        }
        let checksum = c.distillation.cache == nil ? nil : try teacher.map(Teacher.checksum)
        _ = try job.openAnswers(of: teacher, checksum, compute: compute)
    }

    private mutating func checkData(_ c: Trainer.Configuration, _ opened: OpenedModel?) {
        for file in c.files(c.compression.calibration.datasets) where FileSystem.kind(of: file.path) == .file { checkRows(file, c) }
        let files = c.files(c.datasets).filter { FileSystem.kind(of: $0.path) == .file }
        var encoder: SampleEncoder?
        if let opened {
            do {
                encoder = try c.encoder(opened)
                if let warning = encoder?.markWarning { notes.append(warning) }
            } catch { add(error, at: c.place("chat_template")) }
        }
        guard let encoder else {
            for file in files { checkRows(file, c) }
            return
        }
        var counters: [DataReport.File] = []
        for file in files {
            do {
                Console.status(FittedLine([.init("reading"), .init(file.path + " ...", shortens: true)]))
                var options = c.dataOptions
                options.onBadLine = .skip  // the report lists them
                var alone = file
                alone.split = .train
                alone.weight = nil
                let dataset = try Dataset(files: [alone], encoder: encoder, options: options)
                let report = try dataset.report(threads: Parallel.threads) { done, total in
                    if done < total { Console.progress("reading", done, of: total, file.path) }
                }
                for found in report.files { judge(found, c) }
                counters += report.files
            } catch { add(error) }
        }
        if files.count == c.datasets.count, mistakes.messages.isEmpty { judge(counters, files, encoder, c, opened) }
    }

    private mutating func judge(_ file: DataReport.File, _ c: Trainer.Configuration) {
        addBadRows(file.firstErrors.map(\.description), of: file.errorCount, in: file.path, c)
        notes += file.unreadKeys.map(\.description)
        let counters = file.counters
        if counters.samples == 0, file.errorCount == 0 {
            let reasons = counters.skipped.sorted { $0.value > $1.value }.map { "\($0.key.words): \($0.value)" }.joined(separator: ", ")
            mistakes.add("\(file.path): none of its \(file.rows) rows can be trained on (\(reasons))")
        }
    }

    /// Bad rows of a file: the first of them, and how many there are.
    private mutating func addBadRows(_ first: [String], of count: Int, in path: String, _ c: Trainer.Configuration) {
        let more = count - first.count, rest = "\(path): and \(HumanFormat.grouped(more)) more bad \(more == 1 ? "row" : "rows")"
        if c.onBadLine == .skip {
            notes += first + (more > 0 ? [rest] : [])
        } else {
            for line in first { mistakes.add(line) }
            if more > 0 { mistakes.add(rest, standingFor: more) }
        }
    }

    /// The checks across files, and the summary.
    private mutating func judge(_ found: [DataReport.File], _ files: [DatasetFile], _ encoder: SampleEncoder, _ c: Trainer.Configuration, _ opened: OpenedModel?) {
        do {
            let dataset = try Dataset(files: files, encoder: encoder, options: c.dataOptions)
            if let shortage = HealingJob.shortage(heldBack: dataset.heldBack.count) { notes.append(shortage) }
            if let opened, opened.layouts.isEmpty, c.compression.initialization == .activation {
                if let shortage = try c.calibrationRows(opened, dataset).shortage(c.compression.calibration) { notes.append(shortage) }
            }
            if dataset.heldBack.isEmpty { notes.append("no rows are held back, so nothing will be evaluated; see val_size") }
            let all = DataReport(files: found).counters, withheld = dataset.withheld(threads: Parallel.threads)
            let equal = withheld.rows - dataset.heldBack.count
            for file in found {
                notes.append(
                    "\(file.path): \(file.format.rawValue), \(HumanFormat.grouped(file.rows)) rows, longest sample \(HumanFormat.grouped(file.longestSample)) tokens"
                        + Self.cut(file, to: encoder.maxLength) + Self.left(file.counters))
            }
            var counts = [(all.rows, "rows"), (dataset.heldBack.count, "held back")]
            if equal > 0 { counts.append((equal, "left out as equal to one of them")) }
            counts += [
                (all.samples - withheld.samples, "samples to train on"), (all.tokens - withheld.tokens, "tokens computed"),
                (all.trainedTokens - withheld.trainedTokens, "of them trained"),
            ]
            summary += "; " + counts.map { "\(HumanFormat.grouped($0.0)) \($0.1)" }.joined(separator: ", ")
        } catch { add(error) }
    }

    /// What of a file's samples is longer than a row: chats lose their end, a text gives another part in the next pass.
    private static func cut(_ file: DataReport.File, to length: Int) -> String {
        let count = file.counters.truncated
        guard count > 0 else { return "" }
        let what = file.format == .text ? "give a part of up to \(HumanFormat.grouped(length)) tokens in each pass" : "cut to \(HumanFormat.grouped(length))"
        return ", \(HumanFormat.grouped(count)) \(what)"
    }

    private static func left(_ counters: DataCounters) -> String {
        counters.skipped.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { ", left out (\($0.key.words)) \(HumanFormat.grouped($0.value))" }.joined()
    }

    /// Without a tokenizer, rows can still be read.
    private mutating func checkRows(_ file: DatasetFile, _ c: Trainer.Configuration) {
        do {
            let rows = try RowFile(path: file.path), format = try FormatDetection.format(of: rows, forced: file.format, columns: file.columns)
            var first: [String] = [], count = 0
            for row in 0..<rows.rowCount {
                do {
                    _ = try rows.conversation(ofRow: row, format: format, columns: file.columns)
                } catch let error as RecordError {
                    count += 1
                    if first.count < 10 { first.append("\(rows.place(ofRow: row)): \(error.description)") }
                }
            }
            addBadRows(first, of: count, in: file.path, c)
        } catch { add(error) }
    }
}

extension Trainer.Configuration {
    /// `file:line: key`, for messages of others about a key.
    func place(_ key: String) -> String { ConfigurationIssue(place: place(of: key), key: key, message: "").description.trimmedColon }
}

extension String {
    fileprivate var trimmedColon: String { hasSuffix(": ") ? String(dropLast(2)) : self }
}

/// A configuration with mistakes in it: what is left without the keys they are in.
private struct FaultyConfiguration {
    let path: String
    let overrides: [String]

    /// nil where what is left is no configuration either.
    func withoutMistakes(_ issues: [ConfigurationIssue]) -> Trainer.Configuration? {
        guard let bytes = try? FileSystem.readAll(path, limit: 4 << 20), var json = JSONParser.read(bytes).json else { return nil }
        for text in overrides { try? ConfigurationOverride(text).apply(to: &json) }
        let faulty = Set(issues.map { String($0.key.prefix { $0 != "." && $0 != "[" }) })
        guard var members = json.members else { return nil }
        members.removeAll { faulty.contains($0.key) }
        json.value = .object(members)
        guard var rest = try? Trainer.Configuration.parse(Array(json.text().utf8), file: path) else { return nil }
        // Places are those of the file, not of the text made from it.
        rest.origin.positions = Trainer.Configuration.positions(in: json)
        return rest
    }
}

extension Failure {
    /// The message for a configuration that is not there, with its nearest neighbour's name.
    static func configurationMissing(_ path: String) -> Failure {
        do {
            _ = try Trainer.Configuration.load(path: path)
            return Failure("\(path): cannot be read", .missingInput)
        } catch {
            return Failure(error)
        }
    }
}
