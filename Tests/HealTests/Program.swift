import Foundation
import Testing

/// The built program, run as a user runs it.
enum Program {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }

        func object() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        }
    }

    /// The root of the repository, where the program runs.
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// `heal` beside the test bundle: tests and program are built together.
    static let url: URL = {
        // The bundle is the process's own file, or a library that the test runner has loaded.
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        guard let line = maps.split(separator: "\n").first(where: { $0.hasSuffix(".xctest") }), let start = line.firstIndex(of: "/") else {
            fatalError("the test bundle is not found")
        }
        let url = URL(fileURLWithPath: String(line[start...])).deletingLastPathComponent().appendingPathComponent("heal")
        guard FileManager.default.isExecutableFile(atPath: url.path) else { fatalError("there is no program at \(url.path); build it") }
        return url
    }()

    static func run(_ arguments: [String], input: String = "") throws -> Outcome { try run(url, arguments, input: input) }

    /// A line for a shell, in which `heal` is the program.
    static func shell(_ line: String) throws -> Outcome {
        try run(URL(fileURLWithPath: "/bin/bash"), ["-c", "set -o pipefail; heal() { '\(url.path)' \"$@\"; }; \(line)"], input: "")
    }

    static func run(_ program: URL, _ arguments: [String], input: String = "") throws -> Outcome {
        try withTemporaryDirectory { directory in
            let files = ["in", "out", "err"].map { directory.appendingPathComponent($0) }
            try Data(input.utf8).write(to: files[0])
            for file in files.dropFirst() { try Data().write(to: file) }
            let process = start(arguments, program)
            process.standardInput = try FileHandle(forReadingFrom: files[0])
            process.standardOutput = try FileHandle(forWritingTo: files[1])
            process.standardError = try FileHandle(forWritingTo: files[2])
            try process.run()
            process.waitUntilExit()
            func text(_ file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
            return Outcome(status: process.terminationStatus, output: try text(files[1]), errors: try text(files[2]))
        }
    }

    /// A process that is set up but not started.
    static func start(_ arguments: [String], _ program: URL = url) -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = repository
        var environment = ProcessInfo.processInfo.environment
        environment["COLUMNS"] = "80"
        process.environment = environment
        return process
    }

    static let model = "models/stories260K"
    static let configuration = "configs/stories260k.json"

    static func golden(_ path: String) -> URL { repository.appendingPathComponent("Tests/Golden").appendingPathComponent(path) }
}

/// A fresh directory for one test, removed when `body` is through.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory)
}
