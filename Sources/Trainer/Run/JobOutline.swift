import Basics
import Foundation
import HealData
import Kernels
import Models

/// What a job would do, as far as the files tell that are there: weights and data may still be missing.
package struct JobOutline {
    package var summary: JobSummary
    /// nil where rows or the tokenizer are missing.
    package var dataset: Dataset?
    /// What the steps take from the data; nil without data.
    package var course: EpochPlan?
    package var compute: DType
    /// Where the run would go on.
    package var progress: RunProgress?
    /// What could not be looked at, and why.
    package var missing: [String]
    /// What is no mistake in the model's files but should be said.
    package var warnings: [String]
}

extension HealingJob {
    /// Looks at what there is. Writes nothing, and asks for no more than the model's configuration.
    package func outline() throws -> JobOutline {
        let c = configuration
        var missing = try missingInputs()
        let hasData = !missing.contains { $0.key.hasPrefix("datasets") }
        Parallel.threads = c.threads > 0 ? c.threads : threadsOfOneRank
        let checkpoint = try goesOn ? openCheckpoint({ _ in }) : nil
        let (model, opened) = try checkpoint.map { outline(try $0.reader.model()) } ?? outlineModel(&missing)
        let rowLength = c.rowLength(model)
        try model.checkContext(rowLength, file: c.model)
        let choice = try computeChoice(model, checkpoint?.progress)
        let plan = try c.plan(model, present: opened?.layouts ?? [:], goesOn: checkpoint != nil)
        let dataset = try hasData ? opened.map(dataset) : nil
        let course = try dataset.map { try self.course($0) }
        let summary = JobSummary(
            modelPath: opened?.path ?? input(c.model), teacherPath: c.distillation.weight > 0 ? c.distillation.teacher ?? c.model : nil, configuration: model,
            plan: plan, present: Set((opened?.layouts ?? [:]).keys), compute: choice, rowLength: rowLength, threads: Parallel.threads, ranks: cluster.size,
            files: dataset?.sources.map { ($0.file.path, $0.format.rawValue, $0.rows.rowCount) } ?? [], heldBackRows: dataset?.heldBack.count ?? 0,
            totalSteps: try dataset.map { try length($0, course: course).steps } ?? c.maxSteps, checkpointBytes: checkpointSize(of: opened, plan).bytes,
            outputDirectory: c.outputPath(c.outputDirectory))
        return JobOutline(
            summary: summary, dataset: dataset, course: course, compute: choice.type, progress: checkpoint?.progress, missing: missing.map(\.text), warnings: opened?.warnings ?? [])
    }

    private typealias Missing = (key: String, text: String)

    private func outline(_ opened: OpenedModel) -> (LlamaConfiguration, OpenedModel?) { (opened.configuration, opened) }

    /// Inputs that a plan does without. Throws where anything else is wrong with the paths.
    private func missingInputs() throws -> [Missing] {
        let inputs = ["datasets", "tokenizer", "compression.calibration.datasets", "eval_texts", "distillation.teacher"]
        func isInput(_ issue: ConfigurationIssue) -> Bool { inputs.contains { issue.key == $0 || issue.key.hasPrefix($0 + "[") } }
        let issues = try configuration.checkPaths(goesOn: try goesOn), others = issues.filter { !isInput($0) }
        guard others.isEmpty else { throw ConfigurationError(others) }
        return issues.map { ($0.key, "\($0)") }
    }

    /// The model as it is, or by its `config.json` alone.
    private func outlineModel(_ missing: inout [Missing]) throws -> (LlamaConfiguration, OpenedModel?) {
        let path = input(configuration.model), tokenizer = configuration.tokenizer.map(input)
        do { return outline(try OpenedModel.open(path, tokenizer: tokenizer)) } catch let error where error is StorageError || error is HealError {
            guard !MPOExport.isExport(path), FileSystem.kind(of: path + "/config.json") == .file else { throw error }
            missing.append(("model", "\(error)"))
            return (try LlamaConfiguration(huggingFaceDirectory: path), try? OpenedModel.open(path, tokenizer: tokenizer, needsWeights: false))
        }
    }
}
