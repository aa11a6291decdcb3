import Basics
import Models
import TensorTrain

extension HealingJob {
    /// Whether the disks have room for what a run writes at least: the first checkpoint, the decomposed matrices before it, and the export.
    /// Known from the plan, so that it is said before any work.
    package func checkSpace(for opened: OpenedModel, _ plan: CompressionPlan) -> [ConfigurationIssue] {
        let c = configuration
        let size = checkpointSize(of: opened, plan)
        let output = c.outputPath(c.outputDirectory)
        var needs: [(key: String, what: String, path: String, bytes: Int)] = [("output_dir", "a checkpoint", output, size.bytes)]
        if opened.layouts.isEmpty {
            let cache = c.compression.cache.map(c.outputPath)
            needs.append((cache == nil ? "output_dir" : "compression.cache", "the decomposed matrices", cache ?? output, size.cores))
        }
        if let export = c.export, let path = c.exportDirectory {
            let parameters = export.target == .hf ? plan.denseTotal : plan.total
            needs.append(("export", "the export", path, parameters * (export.dtype == .bf16 ? 2 : 4)))
        }
        return Self.shortages(needs).map { ConfigurationIssue(place: c.place(of: $0.key), key: $0.key, message: $0.message) }
    }

    /// What a checkpoint takes; of a model that is not there, as far as the plan tells.
    func checkpointSize(of opened: OpenedModel?, _ plan: CompressionPlan) -> CheckpointSize {
        guard let opened else { return CheckpointSize(plan, configuration) }
        let name = "model.embed_tokens.weight", isNarrow = opened.source.contains(name) && (try? opened.source.elementType(of: name)) == .bfloat16
        return CheckpointSize(
            plan, configuration, frozenWidth: isNarrow ? 2 : 4, companions: opened.companions.contents.values.reduce(0) { $0 + $1.count })
    }

    /// One for each file system with too little room for what goes there.
    private static func shortages(_ needs: [(key: String, what: String, path: String, bytes: Int)]) -> [(key: String, message: String)] {
        var devices: [UInt] = [], shortages: [(key: String, message: String)] = []
        for need in needs {
            let directory = FileSystem.nearestDirectory(of: need.path)
            guard let device = FileSystem.identity(of: directory)?.device, !devices.contains(device) else { continue }
            devices.append(device)
            let same = needs.filter { FileSystem.identity(of: FileSystem.nearestDirectory(of: $0.path))?.device == device }
            let bytes = same.reduce(0) { $0 + $1.bytes }
            guard let free = FileSystem.freeBytes(in: directory), free < bytes else { continue }
            let parts = same.map { "\($0.what) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ")
            shortages.append((
                need.key,
                "\(need.path): \(HumanFormat.bytes(bytes)) of space are needed (\(parts)), but only \(HumanFormat.bytes(free)) are free there; free some, or write elsewhere"))
        }
        return shortages
    }
}
