import Foundation
import Storage
import Synchronization
import TestSupport
import Trainer

/// A job on the embedded model, small enough to be run many times: 24 steps of two micro-batches over a mixture of three formats, and several epochs.
struct SmallJob: Sendable {
    var configuration: Configuration

    /// - Parameter directory: for the data files and, in `run`, what the job writes.
    init(in directory: String) throws {
        var c = Configuration()
        c.model = GoldenFiles.repository.path + "/models/stories260K"
        c.chatTemplate = .plain
        c.datasets = try [("alpaca-dolly", 260, 24), ("ultrachat-oasst", 400, 8), ("openhermes-gpteacher", 300, 8)].map { name, bytes, count in
            var dataset = DatasetConfiguration()
            dataset.path = "\(directory)/\(name).jsonl"
            if !FileManager.default.fileExists(atPath: dataset.path) {
                // Short rows, so that several are packed into one.
                let rows = try Data(contentsOf: GoldenFiles.repository.appendingPathComponent("datasets/\(name).jsonl")).split(separator: 0x0A)
                let short = rows.filter { $0.count < bytes }.prefix(count)
                precondition(short.count == count, "\(name) has \(short.count) rows of fewer than \(bytes) bytes")
                try Data(short.joined(separator: [0x0A])).write(to: URL(fileURLWithPath: dataset.path))
            }
            return dataset
        }
        c.maxSequenceLength = 160
        c.validationSize = 4
        c.perDeviceTrainBatchSize = 1
        c.gradientAccumulationSteps = 2
        c.maxSteps = 24
        c.learningRate = 2e-3
        c.learningRateScheduler = .cosine
        c.warmupSteps = 3
        c.weightDecay = 0.01
        c.compression.keep = 0.5
        c.compression.initialization = .svd
        c.trainable = [try NamePattern("norm")]
        c.dtype = .fp32
        c.loggingSteps = 1
        c.evaluationSteps = 5
        c.saveSteps = 8
        c.sampleSteps = 12
        c.samplePrompt = "Once upon a time"
        c.reportTo = [.jsonl]
        c.outputDirectory = "\(directory)/run"
        configuration = c
    }

    /// What a job left behind.
    struct Outcome {
        var result: JobResult
        var events: [JobEvent]

        var resumedStep: Int? {
            events.lazy.compactMap { if case .resumed(_, let progress) = $0 { progress.step } else { nil } }.first
        }
        var invalidCheckpoints: [(path: String, reason: String)] {
            events.compactMap { if case .invalidCheckpoint(let path, let reason) = $0 { (path, reason) } else { nil } }
        }
    }

    /// - Parameter stopAfter: how often the running job may ask whether to stop before it is told to, counted from the start of healing.
    func run(
        resume: HealingJob.Resume = .no, allowing: [String] = [], stopAfter polls: Int = .max, watch: (JobEvent) -> Void = { _ in }
    ) throws -> Outcome {
        let healing = Atomic<Bool>(false), left = Atomic<Int>(polls)
        var events: [JobEvent] = []
        let result = try HealingJob(configuration, resume: resume, allowedChanges: allowing).run(
            stop: { healing.load(ordering: .relaxed) && left.subtract(1, ordering: .relaxed).newValue < 0 },
            watch: { event in
                if case .stage(.healing) = event { healing.store(true, ordering: .relaxed) }
                events.append(event)
                watch(event)
            })
        return Outcome(result: result, events: events)
    }

    func withOutput(_ name: String) -> SmallJob {
        var job = self
        job.configuration.outputDirectory = (configuration.outputDirectory as NSString).deletingLastPathComponent + "/" + name
        return job
    }

    var checkpoints: [CheckpointDirectory.Entry] {
        get throws { try CheckpointDirectory(path: configuration.outputDirectory).entries() }
    }

    /// What the newest checkpoint holds.
    func numbers() throws -> CheckpointNumbers {
        guard let newest = try checkpoints.last else { throw HealError(.checkpoint, "\(configuration.outputDirectory) holds no checkpoint") }
        return try CheckpointNumbers(newest.path)
    }

    /// The lines of metrics.jsonl without what depends on the clock and the machine.
    func metrics() throws -> [String] {
        let clockwork = try Regex(#","(seconds|tokens_per_second|memory_bytes|joules)":[^,}]*"#)
        let text = try String(contentsOfFile: configuration.outputDirectory + "/metrics.jsonl", encoding: .utf8)
        return text.split(separator: "\n").map { line in
            String(line.replacing(clockwork, with: ""))
        }
    }
}

/// The numbers in a checkpoint file, by their place.
struct CheckpointNumbers: Equatable {
    /// Bit patterns of cores, other weights and moments, whatever they are stored in.
    var tensors: [String: [UInt32]] = [:]
    var optimizerStep: Int
    var progress: RunProgress

    init(_ path: String) throws {
        let file = try SealedFile.open(path)
        var places: [String] = []
        for group in ["model/tensors", "optimizer/m", "optimizer/v", "optimizer/m_scale", "optimizer/v_scale"] where try file.exists(group) {
            places += try file.children(of: group).map { "\(group)/\($0)" }
        }
        for module in try file.children(of: "model/mpo") {
            let group = "model/mpo/\(module)"
            places += try file.children(of: group).filter { $0.hasPrefix("core_") }.map { "\(group)/\($0)" }
        }
        for place in places { tensors[place] = try Self.bits(place, file) }
        optimizerStep = try file.intAttribute("step", at: "optimizer") ?? -1
        try file.close()
        progress = try CheckpointReader(path).progress()
        // What a clock said.
        (progress.seconds, progress.evaluationSeconds, progress.saveSeconds) = (0, nil, nil)
    }

    private static func bits(_ place: String, _ file: HDF5File) throws -> [UInt32] {
        if let codes = try? file.read(place, as: UInt8.self) { return codes.map(UInt32.init) }
        if let halves = try? file.read(place, as: UInt16.self) { return halves.map(UInt32.init) }
        return try file.read(place, as: Float.self).map(\.bitPattern)
    }

    /// Places whose numbers differ.
    func differences(from other: CheckpointNumbers) -> [String] {
        Set(tensors.keys).union(other.tensors.keys).filter { tensors[$0] != other.tensors[$0] }.sorted()
            + (optimizerStep == other.optimizerStep ? [] : ["optimizer step"]) + (progress == other.progress ? [] : ["progress"])
    }
}
