import Foundation
import Testing

let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
let goldens = root + "/Tests/Golden"

/// In memory where possible: thousands of small files are written.
let scratchRoot = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"

func content(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Many damaged files for one reader. Whatever the bytes, it ends with a value or an error of this program, soon, and within memory that
/// the file's size explains.
///
/// `HEAL_FUZZ=200000` in the environment makes it so many files, and measures memory, for which the process must do nothing else;
/// `HEAL_FUZZ_SEED` chooses others. Before each run the bytes are written to `heal-fuzz-NAME` in `/dev/shm` (else in `/tmp`): after a crash they are the culprit.
struct Campaign {
    let name: String
    let seeds: [[UInt8]]
    var words: [String] = []
    var header = 2048
    /// Files in an ordinary run of the tests.
    var usual = 1500

    private static let environment = ProcessInfo.processInfo.environment
    static let isRequested = requested != nil
    private static let requested = environment["HEAL_FUZZ"].flatMap { Int($0) }
    private static let isDebugging = environment["HEAL_FUZZ_SLOW"] != nil  // under a sanitizer
    private static let longest = isDebugging ? 60.0 : 5.0

    /// - Parameter read: given the bytes and a path at which they lie.
    func run(_ read: (_ bytes: [UInt8], _ path: String) throws -> Void) throws {
        let path = scratchRoot + "/heal-fuzz-\(name)"
        var accepted = 0, refused = 0, slowest = 0.0
        for seed in seeds { #expect(throws: Never.self, "\(name): a sound file is read") { try Self.write(seed, path); try read(seed, path) } }
        for bytes in try found() { try execute(bytes, path, &accepted, &refused, &slowest, read) }
        let seed = Self.environment["HEAL_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        var mutator = Mutator(seeds: seeds, words: words.map { Array($0.utf8) }, header: header, random: Random(state: seed))
        (accepted, refused) = (0, 0)
        let runs = Self.requested ?? usual
        for _ in 0..<runs { try execute(mutator.next(), path, &accepted, &refused, &slowest, read) }
        unlink(path)
        #expect(refused > runs / 50, "\(name): \(refused) of \(runs) refused")
        if Self.requested != nil { print("\(name): \(runs) files, \(accepted) read, \(refused) refused, \(Int(slowest * 1000)) ms at most") }
    }

    /// Inputs that once went wrong.
    private func found() throws -> [[UInt8]] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: goldens + "/fuzz/found").filter { $0.hasPrefix(name + ".") }
        return try (names ?? []).sorted().map { try content(goldens + "/fuzz/found/" + $0) }
    }

    private func execute(
        _ bytes: [UInt8], _ path: String, _ accepted: inout Int, _ refused: inout Int, _ slowest: inout Double,
        _ read: (_ bytes: [UInt8], _ path: String) throws -> Void
    ) throws {
        try Self.write(bytes, path)
        let memory = Self.requested == nil ? nil : PeakMemory()
        let start = ContinuousClock.now
        do {
            try read(bytes, path)
            accepted += 1
        } catch {
            refused += 1
            let type = String(reflecting: Swift.type(of: error))
            if !Self.modules.contains(where: type.hasPrefix) { try keep(bytes, "an error of a library, \(type): \(error)") }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        slowest = max(slowest, seconds)
        if seconds > Self.longest { try keep(bytes, "\(seconds) s") }
        if let grown = memory?.growth, grown > 2 * bytes.count + 64 << 20, !Self.isDebugging { try keep(bytes, "\(grown >> 20) MiB for \(bytes.count) bytes") }
    }

    private static let modules = ["Basics.", "Storage.", "Models.", "HealData.", "Trainer.", "TensorTrain."]

    private func keep(_ bytes: [UInt8], _ reason: String) throws {
        let path = scratchRoot + "/heal-fuzz-\(name)-\(UInt(bitPattern: bytes.hashValue))"
        try Self.write(bytes, path)
        Issue.record("\(name): \(reason); the input is \(path)")
    }

    /// A new file each time: one that is mapped must not become shorter.
    private static func write(_ bytes: [UInt8], _ path: String) throws {
        unlink(path)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}

/// How much the process's resident memory rises above where it is now.
struct PeakMemory {
    private let start: Int

    init() {
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))  // the peak begins anew
        start = Self.peak
    }

    var growth: Int { Self.peak - start }

    private static var peak: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8), let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return 0 }
        return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) << 10
    }
}
