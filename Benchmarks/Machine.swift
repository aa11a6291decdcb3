import Basics
import Foundation
import Kernels

/// What a figure depends on besides the code.
struct Machine: Codable, Equatable {
    var processor: String
    var cores: Int
    /// Instruction sets that matter for products and loops.
    var flags: [String]
    var memoryBytes: UInt64
    /// The instructions that the fused loops use, and whether bf16 products run on the processor's own.
    var loops: String
    var bf16Products: Bool
    var onednn: String
    var openblas: String

    static var current: Machine {
        let model = ProcessorModel.own
        return Machine(
            processor: model.name, cores: Processors.own.usable,
            flags: model.flags, memoryBytes: ProcessInfo.processInfo.physicalMemory, loops: LibraryVersions.loops,
            bf16Products: GEMM.hasFastBFloat16, onednn: LibraryVersions.oneDNN, openblas: LibraryVersions.openBLAS)
    }
}

/// The rows of a run with everything that tells how they came about.
struct BenchmarkReport: Codable {
    var date: String
    var commit: String
    /// Whether tracked files differed from the commit.
    var modified: Bool
    var machine: Machine
    var threads: Int
    var repetitions: Int
    var rows: [Row]

    init(threads: Int, repetitions: Int) {
        date = ISO8601DateFormatter().string(from: Date())
        commit = Subprocess.output("git", "rev-parse", "HEAD") ?? "unknown"
        modified = Subprocess.output("git", "status", "--porcelain", "--untracked-files=no").map { !$0.isEmpty } ?? false
        machine = .current
        self.threads = threads
        self.repetitions = repetitions
        rows = []
    }

    static func read(_ path: String) throws -> BenchmarkReport {
        try Row.decoder.decode(BenchmarkReport.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(_ path: String) throws {
        let file = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        let encoder = Row.encoder
        encoder.outputFormatting.insert(.prettyPrinted)
        try (encoder.encode(self) + [0x0A]).write(to: file)
    }
}

/// Other programs, run to their end.
enum Subprocess {
    /// Calls `line` for every line of the program's standard output; its exit status.
    static func run(_ program: String, _ arguments: [String], _ line: (String) throws -> Void) throws -> Int32 {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        var rest = Data()
        while case let piece = pipe.fileHandleForReading.availableData, !piece.isEmpty {
            rest += piece
            while let end = rest.firstIndex(of: 0x0A) {
                try line(String(decoding: rest[..<end], as: UTF8.self))
                rest = Data(rest[(end + 1)...])
            }
        }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// What a program prints, trimmed; nil where it fails.
    static func output(_ arguments: String...) -> String? {
        var lines: [String] = []
        guard (try? run("/usr/bin/env", arguments, { lines.append($0) })) == 0 else { return nil }
        return lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
