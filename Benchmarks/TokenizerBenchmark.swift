import ArgumentParser
import Foundation
import HealData
import Kernels

/// Megabytes of text a second, lines over all threads.
struct TokenizerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tokenizer", abstract: "Tokenizing speed on a text file.")
    @OptionGroup var options: CommonOptions
    @Argument(help: "A directory with a tokenizer.") var tokenizer: String
    @Argument(help: "A text file; each line is encoded on its own.") var text: String

    func run() throws {
        options.apply()
        let tokenizer = try TokenizerFiles.load(directory: tokenizer)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: text)))
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: true)
        var tokens = 0
        let seconds = median(options.repetitions) {
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
        }
        Row(
            name: "tokenizer \(lines.count) lines", seconds: seconds,
            figures: [("megabytes_per_second", Double(bytes.count) / seconds / 1e6, "MB/s"), ("tokens_per_second", Double(tokens) / seconds / 1e6, "Mtokens/s")]
        ).show(json: options.json)
    }
}
