import ArgumentParser
import Foundation
import HealData
import Kernels

/// Megabytes of text a second, lines over all threads.
struct TokenizerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tokenizer", abstract: "Tokenizing speed on a text file.")
    @OptionGroup var options: CommonOptions
    @Argument(help: "A directory with a tokenizer.") var tokenizer: String
    @Argument(help: "Text files; each line is encoded on its own.") var texts: [String]

    func run() throws {
        options.apply()
        let name = URL(fileURLWithPath: tokenizer).lastPathComponent
        let tokenizer = try TokenizerFiles.load(directory: tokenizer)
        var bytes: [UInt8] = []
        for text in texts { bytes += try Data(contentsOf: URL(fileURLWithPath: text)) + [0x0A] }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: true)
        var tokens = 0
        options.show {
            let blocks = 64, per = (lines.count + blocks - 1) / blocks
            let counts = Memory(byteCount: blocks * 8), address = Address(counts.base)
            Parallel.forEach(blocks) { b in
                var ids: [Int32] = [], offsets: [Int32] = [], count = 0
                for line in lines[min(b * per, lines.count)..<min((b + 1) * per, lines.count)] {
                    ids.removeAll(keepingCapacity: true)
                    offsets.removeAll(keepingCapacity: true)
                    line.withUnsafeBufferPointer { tokenizer.encode($0, parseSpecial: true, into: &ids, offsets: &offsets) }
                    count += ids.count
                }
                address.raw.assumingMemoryBound(to: Int.self)[b] = count
            }
            tokens = (0..<blocks).reduce(0) { $0 + counts.base.assumingMemoryBound(to: Int.self)[$1] }
        } as: { timing in
            Row(
                name: "tokenizer \(name) \(lines.count) lines", timing,
                figures: [
                    ("megabytes_per_second", Double(bytes.count) / timing.seconds / 1e6, "MB/s"),
                    ("tokens_per_second", Double(tokens) / timing.seconds / 1e6, "Mtokens/s"), ("tokens", Double(tokens), "tokens"),
                ])
        }
    }
}
