import Foundation
import Testing

/// The program built with MPI, under mpirun on this machine: `make mpi-test`, which names it in HEAL_MPI.
@Suite(.serialized, .enabled(if: Ranks.program != nil && Ranks.mpirun != nil, "needs `make mpi-test` and mpirun"))
struct MPITests {
    /// A window of four micro-batches of one row, at a rate that does not blow the rounding of sums up.
    private func settings(_ directory: URL, steps: Int, accumulation: Int, _ more: [String] = []) -> [String] {
        [
            "--config", Program.configuration, "--threads", "1", "--set", "output_dir=\(directory.path)/run", "max_steps=\(steps)", "dtype=fp32",
            "per_device_train_batch_size=1", "max_seq_length=256", "gradient_accumulation_steps=\(accumulation)", "logging_steps=1", "eval_max_rows=4",
            "eval_steps=null", "save_steps=1000", "sample_steps=null", "learning_rate=2e-3", "lr_scheduler_type=constant", "min_lr_ratio=0", "export=null",
        ] + more
    }

    private func metrics(_ directory: URL, _ type: String) throws -> [[String: Any]] {
        try String(contentsOf: directory.appendingPathComponent("run/metrics.jsonl"), encoding: .utf8).split(separator: "\n")
            .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }.filter { $0["type"] as? String == type }
    }

    private func losses(_ directory: URL) throws -> [Double] { try metrics(directory, "step").compactMap { $0["loss"] as? Double } }

    private func difference(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) / $1 }.max() ?? .infinity : .infinity
    }

    @Test func sameCurveOn1And2And4Ranks() throws {
        try withTemporaryDirectory { directory in
            var curves: [Int: [Double]] = [:]
            for ranks in [1, 2, 4] {
                let place = directory.appendingPathComponent("\(ranks)")
                let outcome = try Ranks.run(ranks, settings(place, steps: 50, accumulation: 4 / ranks))
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.lines.count { $0.contains("tok/s") } == 50, "one rank prints")
                curves[ranks] = try losses(place)
                let inspected = try Program.run(["inspect", place.path + "/run", "--json"]).object()
                // All the numbers in the cores are trained, more than the operators take.
                let cores = try #require(inspected["matrices"] as? [[String: Any]]).map { matrix in
                    let numbers = ["bonds", "out_factors", "in_factors"].compactMap { matrix[$0] as? [Int] }
                    let (bonds, outs, ins) = (numbers[0], numbers[1], numbers[2])
                    return outs.indices.reduce(0) { $0 + bonds[$1] * outs[$1] * ins[$1] * bonds[$1 + 1] }
                }.reduce(0, +)
                #expect(cores > 0)
                for step in try metrics(place, "step") { #expect(step["exchanged_bytes"] as? Int == (ranks == 1 ? nil : 4 * cores)) }
            }
            let one = try #require(curves[1])
            #expect(one.count == 50)
            for ranks in [2, 4] { #expect(difference(try #require(curves[ranks]), one) < 1e-6, "\(ranks) ranks") }

            // The same number of ranks gives the same bits.
            let again = directory.appendingPathComponent("again")
            #expect(try Ranks.run(4, settings(again, steps: 50, accumulation: 1)).status == 0)
            #expect(try losses(again) == curves[4])
        }
    }

    /// A signal to one rank stops both after the same step; the run goes on with another number of ranks, on the same curve.
    @Test func signalToOneRankAndResume() throws {
        try withTemporaryDirectory { directory in
            let straight = directory.appendingPathComponent("straight"), moving = directory.appendingPathComponent("moving")
            let log = directory.appendingPathComponent("log")
            try Data().write(to: log)
            let process = Program.start(Ranks.options(2) + settings(moving, steps: 1_000_000, accumulation: 2), try #require(Ranks.mpirun))
            process.standardOutput = try FileHandle(forWritingTo: log)
            process.standardError = FileHandle.nullDevice
            try process.run()
            let deadline = Date().addingTimeInterval(120)
            func text() throws -> String { String(decoding: try Data(contentsOf: log), as: UTF8.self) }
            while !(try text().contains("tok/s")), process.isRunning, Date() < deadline { usleep(20_000) }
            kill(try #require(Ranks.process(rank: 1, of: process.processIdentifier)), SIGTERM)
            process.waitUntilExit()
            #expect(process.terminationStatus == 143)
            #expect(try text().contains("stopped after step "))
            let step = try losses(moving).count
            #expect(step >= 1)

            let refused = try Ranks.run(4, settings(moving, steps: step + 3, accumulation: 2) + ["--resume"])
            #expect(refused.status == 65 && refused.errors.contains("gradient_accumulation_steps: 2 on each of 2 ranks -> 2 on each of 4 ranks"), "\(refused.errors)")
            #expect(refused.errors.components(separatedBy: "gradient_accumulation_steps: 2").count == 2, "said once")
            let resumed = try Ranks.run(4, settings(moving, steps: step + 3, accumulation: 1) + ["--resume"])
            #expect(resumed.status == 0 && resumed.output.contains("going on from"), "\(resumed.errors)")
            #expect(try Ranks.run(1, settings(straight, steps: step + 3, accumulation: 4)).status == 0)
            #expect(difference(try losses(moving), try losses(straight)) < 1e-6)
        }
    }

    /// What is wrong on one rank ends all, with that rank's words and status.
    @Test func errorsEndAllRanks() throws {
        try withTemporaryDirectory { directory in
            let good = settings(directory, steps: 5, accumulation: 1), program = try #require(Ranks.program).path
            func beside(_ more: [String]) throws -> Program.Outcome { try Ranks.run(1, good + [":", "-n", "1", program] + good + more) }
            let missing = try beside(["model=\(directory.path)/nowhere"])
            #expect(missing.status == 66 && missing.errors.contains("rank 1 of 2 on ") && missing.errors.contains("nowhere"), "\(missing.errors)")
            let other = try beside(["learning_rate=0.5"])
            #expect(other.status == 78 && other.errors.contains("heal: rank 1 has another configuration than rank 0"), "\(other.errors)")
        }
    }

    @Test func withoutLauncherItIsOneProcess() throws {
        try withTemporaryDirectory { directory in
            let outcome = try Program.run(try #require(Ranks.program), settings(directory, steps: 2, accumulation: 1))
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(!outcome.output.contains("ranks"))
        }
    }

    /// The program without MPI does not start several runs that know nothing of each other.
    @Test func aBuildWithoutMPIRefusesRanks() throws {
        try withTemporaryDirectory { directory in
            let outcome = try Ranks.run(2, settings(directory, steps: 2, accumulation: 1), program: Program.url)
            #expect(outcome.status == 64 && outcome.errors.contains("make mpi"), "\(outcome.errors)")
        }
    }
}

/// mpirun and the program it starts.
private enum Ranks {
    static let program = ProcessInfo.processInfo.environment["HEAL_MPI"].map { URL(fileURLWithPath: $0) }

    static let mpirun: URL? = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .map { URL(fileURLWithPath: "\($0)/mpirun") }.first { FileManager.default.isExecutableFile(atPath: $0.path) }

    /// For a machine with fewer processors than ranks, and for a container.
    static func options(_ ranks: Int, program: URL? = program) -> [String] {
        ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "\(ranks)", program!.path]
    }

    static func run(_ ranks: Int, _ arguments: [String], program: URL? = program) throws -> Program.Outcome {
        try Program.run(mpirun!, options(ranks, program: program) + arguments)
    }

    /// The process of a rank that `launcher` started.
    static func process(rank: Int, of launcher: Int32) -> Int32? {
        let children = (try? String(contentsOfFile: "/proc/\(launcher)/task/\(launcher)/children", encoding: .utf8)) ?? ""
        return children.split(separator: " ").compactMap { Int32($0) }.first { child in
            let environment = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(child)/environ"))) ?? Data()
            return environment.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == "OMPI_COMM_WORLD_RANK=\(rank)" }
        }
    }
}
