import Foundation
import Storage
import TestSupport
import Testing
import Trainer

extension TrainingJobTests {
    /// A damaged checkpoint is named and the one before it used; the run then ends where it would have ended.
    @Suite(.serialized) struct CheckpointDamage {
        private func flipBit(_ path: String, at offset: (Int) -> Int) throws {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let place = offset(bytes.count)
            bytes[place] ^= 1 << 3
            try bytes.write(to: URL(fileURLWithPath: path))
        }

        private func truncate(_ path: String, to share: Double) throws {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try bytes.prefix(Int(Double(bytes.count) * share)).write(to: URL(fileURLWithPath: path))
        }

        @Test func theOneBeforeIsUsed() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let straight = try SmallJob(in: directory).withOutput("straight")
                _ = try straight.run()
                let whole = try straight.checkpoints
                #expect(whole.map(\.step) == [8, 16, 24])
                let final = try CheckpointNumbers(whole[2].path), metrics = try straight.metrics()
                let damages: [(String, (String) throws -> Void)] = [
                    ("bit in the numbers", { try flipBit($0) { $0 / 2 } }),
                    ("bit in the seal", { try flipBit($0) { _ in 30 } }),
                    ("last bit", { try flipBit($0) { $0 - 1 } }),
                    ("cut in half", { try truncate($0, to: 0.5) }),
                    ("empty", { try truncate($0, to: 0) }),
                ]
                for (what, damage) in damages {
                    let job = straight.withOutput("damaged")
                    try? FileManager.default.removeItem(atPath: job.configuration.outputDirectory)
                    try FileManager.default.copyItem(atPath: straight.configuration.outputDirectory, toPath: job.configuration.outputDirectory)
                    let newest = try job.checkpoints[2].path
                    try damage(newest)
                    let outcome = try job.run(resume: .latest)
                    #expect(outcome.invalidCheckpoints.map(\.path) == [newest], "\(what)")
                    #expect(outcome.invalidCheckpoints.allSatisfy { $0.reason.contains(newest) }, "\(what)")
                    #expect(outcome.resumedStep == 16, "\(what)")
                    #expect(try CheckpointNumbers(newest).differences(from: final) == [], "\(what)")
                    #expect(try job.metrics() == metrics, "\(what)")
                }
            }
        }

        /// A seal says who finished a file, not what is in it: what no run can have saved is refused, each part by its name.
        @Test func contentsNoRunCanHave() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                _ = try job.run(stopAfter: 30)
                let entries = try job.checkpoints, newest = entries[1].path, file = try SealedFile.open(newest)
                let tensor = try #require(try file.children(of: "optimizer/m").first), module = try #require(try file.children(of: "model/mpo").first)
                try file.close()
                func changing(_ value: Float) -> ([Float]) -> [Float] { { Array($0.dropLast()) + [value] } }
                func progress(_ pattern: Regex<Substring>, _ text: String) -> ForgedCheckpoint {
                    ForgedCheckpoint(texts: ["run/progress": { $0.replacing(pattern, with: text, maxReplacements: 1) }])
                }
                let group = "model/mpo/\(module)", m = "optimizer/m/\(tensor)", v = "optimizer/v/\(tensor)"
                let forgeries: [(part: String, ForgedCheckpoint)] = [
                    (m, ForgedCheckpoint(numbers: [m: changing(.nan)])), (m, ForgedCheckpoint(numbers: [m: changing(-.infinity)])),
                    (v, ForgedCheckpoint(numbers: [v: changing(-1e-3)])), (v, ForgedCheckpoint(numbers: [v: changing(.infinity)])),
                    ("optimizer/m/ghost", ForgedCheckpoint(more: ["optimizer/m/ghost": [1]])),
                    ("optimizer/@step", ForgedCheckpoint(integers: ["optimizer@step": -1])),
                    ("optimizer/@step", ForgedCheckpoint(integers: ["optimizer@step": entries[1].step + 1])),
                    ("/@step", ForgedCheckpoint(integers: ["/@step": -1])),
                    ("compute.dtype", progress(/"dtype" : "[a-z0-9]*"/, #""dtype" : "fp4""#)),
                    ("loss is -1.0", progress(/"loss" : [0-9.e-]*/, #""loss" : -1"#)), ("loss is nan", progress(/"loss" : [0-9.e-]*/, #""loss" : "NaN""#)),
                    ("counts", progress(/"rows" : [0-9]*/, #""rows" : -1"#)), ("counts", progress(/"tokens" : [0-9]*/, #""tokens" : -1"#)),
                    ("seconds", progress(/"seconds" : [0-9.e-]*/, #""seconds" : -1"#)),
                    (group, ForgedCheckpoint(words: ["\(group)@type": "TT"])), (group, ForgedCheckpoint(integers: ["\(group)@version": 2])),
                    ("\(group)/core_99", ForgedCheckpoint(more: ["\(group)/core_99": [1]])),
                ]
                let forged = directory + "/forged.h5"
                try ForgedCheckpoint().write(newest, to: forged)
                _ = try CheckpointReader.sound(forged)
                for (part, forgery) in forgeries {
                    try forgery.write(newest, to: forged)
                    let error = #expect(throws: (any Error).self, "\(part)") { try CheckpointReader.sound(forged) }
                    let words = error.map { "\($0)" } ?? ""
                    #expect(words.contains(part) && words.contains(forged), "\(part): \(words)")
                }
                // The run goes on from the one before.
                try FileManager.default.moveItem(atPath: newest, toPath: directory + "/whole.h5")
                try forgeries[0].1.write(directory + "/whole.h5", to: newest)
                let outcome = try job.run(resume: .latest, stopAfter: 1)
                #expect(outcome.resumedStep == entries[0].step && outcome.invalidCheckpoints.map(\.path) == [newest])
            }
        }

        @Test func noneIsValid() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let job = try SmallJob(in: directory)
                _ = try job.run(stopAfter: 30)
                let entries = try job.checkpoints
                #expect(entries.count == 2)
                for entry in entries { try truncate(entry.path, to: 0.9) }
                #expect(throws: (any Error).self) { try job.run(resume: .latest) }
                // Nothing was removed or written over.
                #expect(try job.checkpoints == entries)
                #expect(throws: (any Error).self) { try job.run(resume: .checkpoint(entries[1].path)) }
            }
        }
    }
}
