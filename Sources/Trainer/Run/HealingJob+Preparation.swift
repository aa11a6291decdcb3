import Autograd
import Basics
import Cluster
import Foundation
import HealData
import Kernels
import Models
import Storage

extension HealingJob {
    /// Everything that must be right before work starts. Opens files, decides nothing twice.
    package struct Prepared {
        package var opened: OpenedModel
        /// The model to learn from, where there is one.
        package var teacher: OpenedModel?
        /// What is kept of its answers, where they are kept; then its checksum is known, too.
        var answers: TeacherCache?
        var teacherChecksum: Checksum?
        package var plan: CompressionPlan
        package var dataset: Dataset
        /// What evaluations look at beside the held-back rows.
        package var texts: [EvaluationText]
        package var choice: ComputeChoice
        package var compute: DType { choice.type }
        package var totalSteps: Int
        /// Passes after which the data ends; nil where the steps are what ends the run.
        package var epochs: Double?
        package var summary: JobSummary
        var checkpoint: (reader: CheckpointReader, progress: RunProgress)?
        /// The run goes on with other data than before, as the user has allowed.
        var acceptsOtherData = false
    }

    package func prepare(_ watch: (JobEvent) -> Void = { _ in }) throws -> Prepared {
        let c = configuration
        let issues = try c.checkPaths(goesOn: try goesOn)
        guard issues.isEmpty else { throw ConfigurationError(issues) }
        Parallel.threads = c.threads > 0 ? c.threads : threadsOfOneRank
        let checkpoint = try openCheckpoint(watch)
        var opened = try checkpoint?.reader.model() ?? OpenedModel.open(input(c.model), tokenizer: c.tokenizer.map(input))
        let rowLength = c.rowLength(opened.configuration)
        try opened.configuration.checkContext(rowLength, file: opened.path)
        let choice = try computeChoice(opened.configuration, checkpoint?.progress)
        // Checkpoints and exports carry the tokenizer: better refused now than after hours.
        _ = try opened.companionsForExport()
        let teacher = try openTeacher(of: opened)
        let teacherChecksum = c.distillation.cache == nil ? nil : try teacher.map(Teacher.checksum)
        let answers = try openAnswers(of: teacher, teacherChecksum, compute: choice.type)
        let plan = try c.plan(opened.configuration, present: opened.layouts, goesOn: checkpoint != nil)
        if cluster.isFirst, checkpoint.map({ $0.progress.step < c.maxSteps ?? .max }) ?? true {
            let shortages = checkSpace(for: opened, plan)
            guard shortages.isEmpty else { throw StorageError(.noSpace, file: c.outputPath(c.outputDirectory), shortages.map(\.message).joined(separator: "; ")) }
        }
        let dataset = try dataset(opened)
        if cluster.isFirst, let warning = dataset.encoder.markWarning { watch(.run(.warning(step: nil, message: warning))) }
        opened = opened.speaking(dataset.encoder, named: c.chatTemplate.flatMap { ChatTemplate.Name(rawValue: $0.rawValue) })
        let texts = try c.evaluationTexts.map {
            try EvaluationText(path: input($0), opened, rowLength: rowLength, maxRows: c.evaluationMaxRows)
        }
        try requireSameInput(dataset)
        if let checkpoint { try checkResume(checkpoint.reader, ranks: checkpoint.progress.ranks ?? 1, dataset, watch) }
        let (totalSteps, epochs) = try length(dataset)
        let summary = JobSummary(
            modelPath: opened.path, teacherPath: teacher?.path, configuration: opened.configuration, plan: plan, present: Set(opened.layouts.keys),
            compute: choice, rowLength: rowLength, threads: Parallel.threads, ranks: cluster.size,
            files: dataset.sources.map { ($0.file.path, $0.format.rawValue, $0.rows.rowCount) }, heldBackRows: dataset.heldBack.count,
            totalSteps: totalSteps, checkpointBytes: checkpointSize(of: opened, plan).bytes, outputDirectory: c.outputPath(c.outputDirectory))
        try c.requireRowsToJudge(dataset)
        let acceptsOtherData = try checkpoint.map { try $0.reader.fingerprint() != dataset.fingerprint } ?? false
        return Prepared(
            opened: opened, teacher: teacher, answers: answers, teacherChecksum: teacherChecksum, plan: plan, dataset: dataset, texts: texts, choice: choice, totalSteps: totalSteps, epochs: epochs, summary: summary,
            checkpoint: checkpoint, acceptsOtherData: acceptsOtherData)
    }

    /// Steps of the run, and the passes after which the data ends, where that is what ends it.
    ///
    /// - Parameter course: what the run takes from the data, where that is known already.
    func length(_ dataset: Dataset, course: EpochPlan? = nil) throws -> (steps: Int, epochs: Double?) {
        let c = configuration
        if let maxSteps = c.maxSteps { return (maxSteps, nil) }
        // The last window may be shorter than the others. Where the count is only projected, data beyond the epochs may make it up.
        let plan = try course ?? self.course(dataset), window = c.gradientAccumulationSteps * cluster.size
        return (max(1, (plan.microBatches + window - 1) / window), plan.isExact ? c.trainEpochs : nil)
    }

    /// What the steps of the run take from the data.
    func course(_ dataset: Dataset) throws -> EpochPlan {
        let c = configuration, rows = c.perDeviceTrainBatchSize
        guard let steps = c.maxSteps else { return try dataset.plan(epochs: c.trainEpochs, rowsPerBatch: rows) }
        return try dataset.plan(microBatches: steps * c.gradientAccumulationSteps * cluster.size, rowsPerBatch: rows)
    }

    func input(_ path: String) -> String { configuration.existingPath(path) ?? path }

    /// The data as the configuration describes it, encoded for `opened`.
    package func dataset(_ opened: OpenedModel) throws -> Dataset {
        try Dataset(files: configuration.files(configuration.datasets), encoder: configuration.encoder(opened), options: configuration.dataOptions)
    }

    /// Threads where the configuration leaves it open: 0, which is one for each processor, unless ranks on this machine have to share them.
    var threadsOfOneRank: Int {
        if cluster.localSize == 1 { return 0 }
        // A launcher may have given each rank its processors already.
        // A quota is shared all the same.
        let processors = Processors.own, ranks = cluster.localSize
        let isBound = processors.allowed < sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let own = Processors(allowed: isBound ? processors.allowed : processors.allowed / ranks, quota: processors.quota.map { $0 / Double(ranks) })
        return own.usable
    }

    /// The checkpoint to go on from. The first rank chooses, all open it.
    func openCheckpoint(_ watch: (JobEvent) -> Void) throws -> (reader: CheckpointReader, progress: RunProgress)? {
        guard let path = cluster.broadcast(cluster.isFirst ? try chooseCheckpoint(watch) : nil) else { return nil }
        let reader = try CheckpointReader(path), progress = try reader.progress()
        guard cluster.isFirst else { return (reader, progress) }
        // Later checkpoints would win over those of the rewound run at the next --resume.
        let directory = configuration.outputPath(configuration.outputDirectory)
        if case .checkpoint = resume, let later = try CheckpointDirectory(path: directory).entries().last, later.step > reader.step {
            throw HealError(
                .checkpoint,
                "\(directory) holds checkpoints later than \(path) (\(later.path)); move them away, or set another output_dir, to go on from the earlier one")
        }
        watch(.resumed(path: path, progress))
        return (reader, progress)
    }

    /// Whether there is a checkpoint to go on from.
    package var goesOn: Bool {
        get throws {
            switch resume {
            case .no: false
            case .latest: try !CheckpointDirectory(path: configuration.outputPath(configuration.outputDirectory)).entries().isEmpty
            case .checkpoint: true
            }
        }
    }

    private func chooseCheckpoint(_ watch: (JobEvent) -> Void) throws -> String? {
        let directory = configuration.outputPath(configuration.outputDirectory)
        switch resume {
        case .no:
            // A fresh run must not bury the work of an earlier one.
            if let old = try CheckpointDirectory(path: directory).entries().last {
                throw HealError(
                    .checkpoint,
                    "\(directory) holds checkpoints of an earlier run (\(old.path)); go on with --resume, or choose another output_dir, or remove them")
            }
            return nil
        case .checkpoint(let given):
            guard let found = try OpenedModel.checkpointPath(input(given)) else { throw HealError(.checkpoint, "\(given): is not a checkpoint") }
            return try CheckpointReader.sound(found).path
        case .latest:
            let search = try CheckpointDirectory(path: directory).newestValid(CheckpointReader.sound)
            for (entry, reason) in search.invalid { watch(.invalidCheckpoint(path: entry.path, reason: HealError.lines(of: reason).joined(separator: " "))) }
            guard let newest = search.newest else {
                if search.invalid.isEmpty { return nil }  // Nothing was saved yet: the run starts anew.
                throw HealError(.checkpoint, "\(directory): none of the checkpoints is valid, as said above; to start anew, choose another output_dir, or remove them")
            }
            return newest.entry.path
        }
    }
}
