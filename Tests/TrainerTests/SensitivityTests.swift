import Basics
import Foundation
import FoundationXML
import HealData
import Kernels
import Models
import Synchronization
import Testing
import TestSupport

@testable import Trainer

extension TrainingJobTests {
    /// Profiles of the embedded model.
    @Suite(.serialized) struct Sensitivities {
        private let opened: OpenedModel
        private let configuration: Configuration
        private let dataset: Dataset

        init() throws {
            (opened, configuration, dataset) = try GoldenFiles.withTemporaryDirectory { directory in
                var configuration = try SmallJob(in: directory).configuration
                configuration.compression = CompressionConfiguration()
                configuration.compression.legs = .auto
                configuration.compression.calibration.tokens = 1500
                configuration.compression.calibration.heldOutTokens = 800
                let opened = try OpenedModel.open(configuration.model)
                return (opened, configuration, try HealingJob(configuration).dataset(opened))
            }
        }

        private func profile(
            in directory: String, of other: Dataset? = nil, by grouping: SensitivityGrouping = .matrix, layers: String? = nil, match: String? = nil, keeps: [Double] = [0.3, 0.6],
            stopAfter limit: Int = .max, _ change: (inout Configuration) -> Void = { _ in }, warn: (String) -> Void = { _ in },
            watch: (SensitivityProgress) -> Void = { _ in }
        ) throws -> SensitivityProfile? {
            var configuration = configuration
            change(&configuration)
            var job = SensitivityJob(configuration, directory: directory)
            (job.grouping, job.keeps) = (grouping, keeps)
            job.layers = layers.flatMap { LayerRanges($0) }
            job.match = try match.map { try NamePattern($0) }
            let done = Atomic<Int>(0)
            return try job.run(opened, other ?? dataset, stop: { done.load(ordering: .relaxed) >= limit }, warn: warn) { progress in
                if progress.phase == .measurements { done.add(1, ordering: .relaxed) }
                watch(progress)
            }
        }

        /// The loss with one group compressed is what an evaluation of that model gives.
        @Test(arguments: [
            (SensitivityGrouping.matrix, "3", "o_proj", "model.layers.3.self_attn.o_proj"), (.matrix, "1", "gate_proj", "model.layers.1.mlp.gate_proj"),
            (.kind, "1,3-4", "down_proj", "down_proj"), (.block, "2", "*", "model.layers.2"),
        ]) func measuresWhatAnEvaluationDoes(grouping: SensitivityGrouping, layers: String, match: String, name: String) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let found = try #require(try profile(in: directory, by: grouping, layers: layers, match: match, keeps: [0.4]))
                #expect(found.lines.map(\.name) == [name])
                let point = found.lines[0].points[0]
                var weights = try opened.weights()
                func evaluation() throws -> EvaluationResult {
                    let model = LlamaModel(opened.configuration, weights, compute: .f32, longestContext: 160)
                    return try #require(try Evaluation.run(model, dataset, rowsPerBatch: configuration.perDeviceTrainBatchSize, maxRows: configuration.evaluationMaxRows))
                }
                let dense = try evaluation()
                #expect(abs(dense.loss - found.denseLoss) < 1e-6 && dense.tokens == found.tokens && dense.rows == found.rows)
                // The plan that compresses the same matrices, and nothing before them that is compressed.
                var compression = configuration.compression
                compression.keep = 0.4
                compression.budget = .uniform
                compression.calibration.prefix = .original
                let rows = try CalibrationRows(dataset, compression.calibration)
                let layers = try #require(LayerRanges(layers)), pattern = try NamePattern(match)
                let chosen = { (name: String) in pattern.matches(name) && layers.contains(LayerRanges.layer(of: name)!) }
                compression.skip = try opened.configuration.matrixNames.filter { !chosen($0) }.map { try NamePattern($0) }
                let plan = try CompressionPlan(opened.configuration, compression)
                let results = try ActivationCompressor(opened, plan, rows: rows, options: compression.calibration, compute: .f32).run(into: &weights)
                let compressed = try evaluation()
                #expect(results.count == found.lines[0].matrices && results.reduce(0) { $0 + $1.layout.parameterCount } == point.parameters)
                #expect(abs(compressed.loss - point.loss) < 1e-6, "\(compressed.loss), \(point.loss)")
                #expect(abs(point.rise - (compressed.loss - dense.loss)) < 1e-6 && point.rise != 0 && point.standardError! > 0)
            }
        }

        /// A stopped profile goes on with what it has, after a torn line too; other rows or sizes take nothing from it that is not theirs.
        @Test(arguments: [SensitivityGrouping.matrix, .kind]) func goesOnAfterAStop(grouping: SensitivityGrouping) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try #require(try profile(in: directory + "/straight", by: grouping, layers: "1-2"))
                let other = directory + "/other"
                #expect(try profile(in: other, by: grouping, layers: "1-2", stopAfter: 5) == nil)
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: other + "/measurements.jsonl"))
                try file.seekToEnd()
                try file.write(contentsOf: Data(#"{"bond":3,"group":"q_pr"#.utf8))
                try file.close()
                var totals: Set<Int> = []
                func note(_ progress: SensitivityProgress) { if progress.phase == .measurements { totals.insert(progress.total) } }
                #expect(try profile(in: other, by: grouping, layers: "1-2", watch: note) == straight)
                #expect(totals == [straight.lines.count * 2 - 5])
                totals = []
                #expect(try profile(in: other, by: grouping, layers: "1-2", watch: note) == straight && totals.isEmpty)
                _ = try profile(in: other, by: grouping, layers: "1-2", match: "q_proj", { $0.compression.calibration.shrinkage = 0.3 }, watch: note)
                #expect(totals == [grouping == .kind ? 2 : 4])
                #expect(!FileManager.default.fileExists(atPath: other + "/cores"))
            }
        }

        /// A cache that cannot be written costs a warning, not the profile: groups over several blocks keep their cores in memory then.
        @Test(arguments: [SensitivityGrouping.matrix, .kind]) func failingCachesAreToldOf(grouping: SensitivityGrouping) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                func found(_ name: String, _ change: (inout Configuration) -> Void = { _ in }) throws -> (SensitivityProfile?, warnings: [String]) {
                    var warnings: [String] = []
                    let profile = try profile(in: directory + "/" + name, by: grouping, layers: "1-2", match: "{q,down}_proj", keeps: [0.4], change, warn: { warnings.append($0) })
                    return (profile, warnings)
                }
                let straight = try found("straight")
                #expect(straight.0 != nil && straight.warnings.isEmpty)
                // The cores' directory cannot be made.
                try FileManager.default.createDirectory(atPath: directory + "/file", withIntermediateDirectories: true)
                try Data().write(to: URL(fileURLWithPath: directory + "/file/cores"))
                let cores = try found("file")
                #expect(cores.0 == straight.0 && cores.warnings.count == 1 && cores.warnings.first?.contains(directory + "/file/cores") == true, "\(cores.warnings)")
                // Nor can that of what is found out about the whole model.
                let shared = try found("shared") { $0.compression.cache = directory + "/file/cores/x" }
                #expect(shared.0 == straight.0 && shared.warnings.count == 1 && shared.warnings.first?.contains("is not kept") == true, "\(shared.warnings)")
            }
        }

        @Test func sameBitsForAnyNumberOfThreads() throws {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            let profiles = try [1, 2, 4].map { threads in
                Parallel.threads = threads
                return try GoldenFiles.withTemporaryDirectory { try profile(in: $0, layers: "0,2") }
            }
            #expect(profiles[0] != nil && profiles.allSatisfy { $0 == profiles[0] })
        }

        /// What the allocator goes by agrees with what is measured where the model is at home: on text that it wrote itself.
        @Test(arguments: [CalibrationConfiguration.Metric.loss, .output]) func predictionsCorrelate(metric: CalibrationConfiguration.Metric) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let stories = try dataset(ofOwnTexts: 60, in: directory)
                let found = try #require(try profile(in: directory, of: stories) { $0.compression.calibration.metric = metric })
                #expect(found.lines.count == 35 && found.lines.allSatisfy { $0.points.map(\.keep) == [0.3, 0.6] && $0.points[0].predicted > $0.points[1].predicted })
                #expect(found.rankCorrelation()! > 0.8, "\(found.rankCorrelation()!)")
                #expect(found.rankCorrelation(keep: 0.3)! > 0.7, "\(found.rankCorrelation(keep: 0.3)!)")
                #expect((0.2...3).contains(found.medianRatio(keep: 0.6)!), "\(found.medianRatio(keep: 0.6)!)")
                let figure = SensitivityFigure(found).svg
                #expect(XMLParser(data: Data(figure.utf8)).parse())
                func count(_ element: String) -> Int { figure.components(separatedBy: "<\(element) ").count - 1 }
                #expect(count("polyline") == 35 && count("circle") == 2 * 35 * 2)
            }
        }

        private func dataset(ofOwnTexts count: Int, in directory: String) throws -> Dataset {
            let model = LlamaModel(opened.configuration, try opened.weights(), compute: .f32, longestContext: 160)
            let lines = try (0..<count).map { index in
                var sampling = Sampling(temperature: 1, seed: UInt64(index))
                let text = opened.tokenizer.decodeString(try Generation.run(model, prompt: [1], maxTokens: 140, ends: [], sampling: &sampling))
                return JSON.object([("text", JSON(.string(text)))]).text()
            }
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: directory + "/own.jsonl"))
            var own = DatasetConfiguration(), configuration = configuration
            own.path = directory + "/own.jsonl"
            configuration.datasets = [own]
            configuration.validationSize = 20
            return try HealingJob(configuration).dataset(opened)
        }

        @Test func withoutCalibratedFits() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let svd = try #require(try profile(in: directory, by: .kind, match: "{q,up}_proj") { $0.compression.initialization = .svd })
                #expect(svd.lines.map(\.name) == ["q_proj", "up_proj"] && svd.lines.allSatisfy { $0.points.allSatisfy { $0.rise != 0 && $0.predicted > 0 && $0.outputError == nil } })
            }
        }

        @Test func nothingToLookAt() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                #expect(throws: HealError.self) { try profile(in: directory, layers: "9") }
                #expect(throws: HealError.self) { try profile(in: directory, keeps: [0.0001]) }
            }
        }
    }
}

extension LlamaConfiguration {
    fileprivate var matrixNames: [String] { LlamaNames.matrixShapes(self).map(\.name) }
}

@Suite struct RankCorrelationTests {
    @Test func isThatOfTheRanks() {
        #expect(RankCorrelation.spearman([1, 2, 3, 4], [10, 20, 30, 1000]) == 1)
        #expect(RankCorrelation.spearman([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
        // scipy.stats.spearmanr([1, 2, 2, 5, 0.5], [3, 1, 4, 4, 2])
        #expect(abs(RankCorrelation.spearman([1, 2, 2, 5, 0.5], [3, 1, 4, 4, 2]) - 0.5) < 1e-12)
        #expect(RankCorrelation.spearman([1, 1, 1], [1, 2, 3]) == 0)
    }
}
