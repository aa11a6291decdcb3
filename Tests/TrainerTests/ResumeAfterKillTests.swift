import Foundation
import Storage
import Testing
import TestSupport
import Trainer

extension TrainingJobTests {
    /// The program, killed without warning while it trains and saves, goes on where it was.
    @Suite(.serialized) struct ResumeAfterKill {
        /// The program beside the test bundle, built with it.
        private static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("heal")

        private func start(_ configuration: String, resume: Bool, log: FileHandle) throws -> Process {
            let process = Process()
            process.executableURL = Self.program
            process.arguments = ["train", "--config", configuration] + (resume ? ["--resume"] : [])
            process.standardOutput = log
            process.standardError = log
            try process.run()
            return process
        }

        /// Writes the configuration and gives its path.
        private func configure(_ job: SmallJob, in directory: String, _ name: String) throws -> String {
            let path = "\(directory)/\(name).json"
            try Data(job.configuration.canonicalText.utf8).write(to: URL(fileURLWithPath: path))
            return path
        }

        @Test func killedAgainAndAgain() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let logPath = "\(directory)/log"
                try Data().write(to: URL(fileURLWithPath: logPath))
                let log = try #require(FileHandle(forWritingAtPath: logPath))
                func output() -> String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

                var straight = try SmallJob(in: directory).withOutput("straight")
                // Half of the time goes into saves.
                straight.configuration.maxSteps = 30
                straight.configuration.saveSteps = 1
                straight.configuration.saveTotalLimit = 2
                let whole = try start(configure(straight, in: directory, "straight"), resume: false, log: log)
                whole.waitUntilExit()
                #expect(whole.terminationStatus == 0, "\(output())")

                let job = straight.withOutput("killed"), configuration = try configure(job, in: directory, "killed")
                var random = SplitMix(20)
                var killed = 0
                for target in [2, 7, 13, 19, 26] {
                    let process = try start(configuration, resume: target > 2, log: log)
                    let deadline = Date(timeIntervalSinceNow: 60)
                    while process.isRunning, (try job.checkpoints.last?.step ?? 0) < target, Date() < deadline { usleep(500) }
                    usleep(UInt32(random.uniform() * 40_000))
                    if process.isRunning, kill(process.processIdentifier, SIGKILL) == 0 { killed += 1 }
                    process.waitUntilExit()
                    #expect(process.terminationReason == .uncaughtSignal, "killed at step \(target): \(output())")
                    // Whatever has a final name is whole.
                    #expect(try CheckpointDirectory(path: job.configuration.outputDirectory).newestValid(CheckpointReader.sound).invalid.isEmpty)
                }
                #expect(killed == 5)
                let last = try start(configuration, resume: true, log: log)
                last.waitUntilExit()
                #expect(last.terminationStatus == 0, "\(output())")
                #expect(try job.numbers().differences(from: straight.numbers()) == [])
                #expect(try job.metrics() == straight.metrics())
                // Nothing unfinished stays behind.
                let names = try FileManager.default.contentsOfDirectory(atPath: job.configuration.outputDirectory)
                #expect(names.filter { $0.hasSuffix(".partial") } == [])
                #expect(try job.checkpoints.map(\.step) == [29, 30])
            }
        }
    }
}
