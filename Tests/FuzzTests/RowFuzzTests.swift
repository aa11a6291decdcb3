import Foundation
import HealData
import Testing
import Trainer

/// Data sets and configurations from strangers.
@Suite(.serialized) struct RowFuzzTests {
    private static let words = [
        "\"role\":\"tool\"", "\"content\":null", "\"messages\":[", "\"conversations\":[", "\"instruction\":\"\"", "\"text\":", "\\ud800", "\\u0000", "\r\n", "[", "]", "\u{FEFF}",
        "\"prompt\":[", "\"tool_calls\":[{", "\"data\":[",
    ]

    private func readAll(_ path: String) throws {
        let file = try RowFile(path: path), format = try FormatDetection.format(of: file)
        for row in 0..<min(file.rowCount, 500) { _ = try? file.conversation(ofRow: row, format: format) }
    }

    @Test func rows() throws {
        let head = try ["alpaca-dolly", "openhermes-gpteacher", "ultrachat-oasst", "ultrachat200k-oasst", "text-tinystories"].map { name in
            Array(try content(root + "/datasets/\(name).jsonl").split(separator: 0x0A).prefix(2).joined(separator: [0x0A])).prefix(6000)
        }
        let seeds = try head.map { Array($0) + [0x0A] } + [content(goldens + "/fuzz/rows.jsonl")]
        try Campaign(name: "rows.jsonl", seeds: seeds.filter { (try? wholeRows($0)) != nil }, words: Self.words).run { _, path in try readAll(path) }
    }

    private func wholeRows(_ bytes: [UInt8]) throws {
        try withScratch { scratch in
            try replace(scratch + "/x.jsonl", bytes)
            try readAll(scratch + "/x.jsonl")
        }
    }

    @Test func compressedRows() throws {
        let seed = try content(goldens + "/fuzz/rows.jsonl.gz")
        try Campaign(name: "rows.jsonl.gz", seeds: [seed], header: 400).run { _, path in try readAll(path) }
    }

    @Test func configurations() throws {
        let seeds = try ["stories260k", "smollm2-135m", "tinyllama-1.1b", "llama7b"].map { try content(root + "/configs/\($0).json") }
        let words = ["\"compression\":{", "\"keep\":", "\"cores\":", "\"datasets\":[{", "\"layers\":\"0-999999999999\"", "\"trainable\":[\"*\"", "\"threads\":", "auto", "\"rules\":["]
        try Campaign(name: "configuration", seeds: seeds, words: words).run { bytes, path in
            _ = try Trainer.Configuration.parse(bytes, file: path).canonicalText
        }
    }
}
