import Basics
import Foundation
import HealData
import Kernels
import Synchronization

/// Lines of standard input to JSON arrays of ids: read in blocks, encoded by several threads, written in order.
struct LineEncoding {
    let tokenizer: any Tokenizer
    let addsSpecial: Bool

    func run() throws {
        try InputLines.forEachBlock { lines in
            try lines.mapped { line, output in
                var ids: [Int32] = [], offsets: [Int32] = []
                if addsSpecial, tokenizer.addsBos, let bos = tokenizer.special.bos { ids.append(bos) }
                tokenizer.encode(line, parseSpecial: true, into: &ids, offsets: &offsets)
                if addsSpecial, tokenizer.addsEos, let eos = tokenizer.special.eos { ids.append(eos) }
                output.append(ids: ids)
                output.append(0x0A)
                return nil
            }
        }
    }
}

/// Lines of ids to text.
struct LineDecoding {
    let tokenizer: any Tokenizer
    let skipsSpecial: Bool
    let asJSON: Bool

    func run() throws {
        try InputLines.forEachBlock { lines in
            try lines.mapped { line, output in
                var ids: [Int32] = []
                var parser = TokenIDParser(line)
                if let problem = parser.parse(into: &ids) { return problem }
                let bytes = tokenizer.decode(ids, skipSpecial: skipsSpecial)
                if asJSON {
                    output.append(contentsOf: JSONText.quoted(String(decoding: bytes, as: UTF8.self)).withoutCommands.utf8)
                } else {
                    output.append(contentsOf: bytes)
                }
                output.append(0x0A)
                return nil
            }
        }
    }
}

/// Some whole lines of standard input.
struct InputLines {
    private let bytes: [UInt8]
    private let ranges: [Range<Int>]
    /// The number of the first line, from 1.
    private let firstNumber: Int

    private static let blockSize = 4 << 20
    /// What one text may be at most: offsets in it are 32 bits.
    private static let longestLine = 1 << 30

    /// Reads standard input to its end. A line ends with the byte 0x0A; the last one may go without.
    static func forEachBlock(_ body: (InputLines) throws -> Void) throws {
        var bytes: [UInt8] = [], ranges: [Range<Int>] = [], start = 0, scanned = 0, number = 1
        func flush() throws {
            guard !ranges.isEmpty else { return }
            let rest = Array(bytes[start...])
            try body(InputLines(bytes: bytes, ranges: ranges, firstNumber: number))
            number += ranges.count
            bytes = rest
            (scanned, start) = (scanned - start, 0)
            ranges.removeAll(keepingCapacity: true)
        }
        try TextInput.chunks { chunk in
            bytes.append(contentsOf: chunk)
            bytes.withUnsafeBytes { bytes in
                while let found = memchr(bytes.baseAddress! + scanned, 0x0A, bytes.count - scanned) {
                    let end = UnsafeRawPointer(found) - bytes.baseAddress!
                    ranges.append(start..<end)
                    (start, scanned) = (end + 1, end + 1)
                    if scanned == bytes.count { break }
                }
            }
            scanned = bytes.count
            guard bytes.count - start <= longestLine else {
                throw Failure("standard input, line \(number + ranges.count): longer than \(longestLine >> 20) MiB; break it into lines", .badInput)
            }
            // What waits for more input would keep a person at the terminal, or the next program of a pipe, waiting too.
            if start >= blockSize || chunk.count < 1 << 16 { try flush() }
        }
        if start < bytes.count { ranges.append(start..<bytes.count) }
        start = bytes.count
        try flush()
    }

    /// Writes what `body` makes of each line, in order. It returns what is wrong with a line, or nil.
    func mapped(_ body: @Sendable (UnsafeBufferPointer<UInt8>, inout [UInt8]) -> String?) throws {
        let piece = 256, pieces = (ranges.count + piece - 1) / piece
        let outcomes = Mutex<[(output: [UInt8], problem: String?)]>(Array(repeating: ([], nil), count: pieces))
        bytes.withUnsafeBufferPointer { bytes in
            let address = Address(UnsafeRawPointer(bytes.baseAddress ?? UnsafePointer(bitPattern: 16)!))
            Parallel.forEach(pieces) { p in
                var output: [UInt8] = [], problem: String?
                for index in p * piece..<min(ranges.count, (p + 1) * piece) where problem == nil {
                    let start = address.raw.assumingMemoryBound(to: UInt8.self) + ranges[index].lowerBound
                    problem = body(UnsafeBufferPointer(start: start, count: ranges[index].count), &output)
                        .map { "standard input, line \(firstNumber + index): \($0)" }
                }
                outcomes.withLock { $0[p] = (output, problem) }
            }
        }
        for (output, problem) in outcomes.withLock({ $0 }) {
            output.withUnsafeBytes(Console.write)
            if let problem { throw Failure(problem, .badInput) }
        }
        if !Terminal.isOutput { return }
        Console.flush()
    }
}
