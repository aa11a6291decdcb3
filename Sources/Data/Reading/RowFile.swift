import Foundation

/// A file of rows, open for reading any row at any time from any thread.
///
/// Opening reads the file once from end to end and keeps where rows begin, at most 8 MiB of it: in files of many rows only every second,
/// fourth, ... row's, and the others are found from there when they are asked for. So memory does not depend on the file's size.
/// A gzip file is decompressed on the way into an unnamed temporary file (in `TMPDIR`, else `/tmp`), which vanishes when the value does.
package final class RowFile: Sendable {
    package let path: String
    package let layout: RowLayout
    /// Decompressed size in bytes.
    package let byteCount: Int
    /// Hash of the decompressed bytes.
    package let contentHash: UInt64
    private let descriptor: Int32
    private let offsets: RowOffsets
    private let blockBytes: Int

    /// Rows that are longer than this are damage, not data.
    static let longestRow = 256 << 20

    package var rowCount: Int { offsets.count }

    /// Opens and indexes `path`.
    ///
    /// A file named `.txt` or `.txt.gz` is text, a file whose first byte that is not blank is `[` a JSON array, any other JSON lines.
    /// Text is cut at line ends into blocks of `blockBytes` or a little more.
    package convenience init(path: String, blockBytes: Int = 4096) throws(DataError) {
        try self.init(path: path, blockBytes: blockBytes, offsets: RowOffsets())
    }

    /// - Parameter offsets: empty; says how many starts of rows are kept.
    init(path: String, blockBytes: Int, offsets: RowOffsets) throws(DataError) {
        let source = try ByteSource(path: path)
        let spool = source.isGzip ? try Spool(for: path) : nil
        let index = try RowIndex(of: source, spool: spool, blockBytes: blockBytes, offsets: offsets)
        self.path = path
        layout = index.layout
        self.offsets = index.offsets
        self.blockBytes = blockBytes
        byteCount = index.byteCount
        contentHash = index.contentHash
        if let spool { descriptor = spool.take() } else { descriptor = try openForReading(path) }
    }

    deinit { close(descriptor) }

    /// The bytes of row `row`, without its line end.
    package func bytes(ofRow row: Int) throws(DataError) -> [UInt8] {
        let (offset, count) = try locate(row)
        guard count <= Self.longestRow else {
            throw DataError(.badRow, at: place(ofRow: row), "the row is \(count) bytes long; more than \(Self.longestRow) is taken for damage")
        }
        var received = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            received = read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            initialized = received
        }
        guard received == count else { throw changed }
        return bytes
    }

    /// Whether `row` is the last piece of a text file.
    package func isLast(_ row: Int) -> Bool { row == offsets.count - 1 }

    /// `file:line` of a row. Counts line ends from the file's start, so it is for messages only.
    package func place(ofRow row: Int) -> String {
        guard row < offsets.count, let end = try? locate(row).offset else { return path }
        var line = 1
        var position = 0
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while position < end {
                let got = read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - position)]), at: position)
                if got == 0 { break }
                for i in 0..<got where buffer[i] == 0x0A { line += 1 }
                position += got
            }
        }
        return "\(path):\(line)"
    }

    /// Where a row is: its block is scanned from the block's first row on, as it was when the file was opened.
    private func locate(_ row: Int) throws(DataError) -> (offset: Int, count: Int) {
        let block = offsets.block(of: row)
        let end = block.end ?? byteCount
        var scanner = RowScanner(layout: layout, blockBytes: blockBytes, from: block.start, isAtRow: true)
        var found: (offset: Int, count: Int)?
        var before = block.rowsBefore
        let receive: RowScanner.Receiver = { offset, count in
            if before == 0 { found = (offset, count) }
            before -= 1
        }
        let isWhole = withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 16) { buffer in
            var position = block.start
            while found == nil, position < end {
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - position)])
                guard read(into: piece, at: position) == piece.count, (try? scanner.scan(UnsafeRawBufferPointer(piece), receive)) != nil else {
                    return false
                }
                position += piece.count
            }
            // What follows is the next row, or the end of the file: either ends this one.
            if found == nil, layout != .array { try? scanner.finish(receive) }
            return true
        }
        guard isWhole, let found else { throw changed }
        return found
    }

    private var changed: DataError {
        DataError(.unreadable, at: path, "the file changed while it was being read; leave it alone during a run")
    }

    /// Fills `buffer` with the bytes from `offset` on; fewer only where the file ends or cannot be read.
    private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        var received = 0
        while received < buffer.count {
            let got = pread(descriptor, buffer.baseAddress! + received, buffer.count - received, off_t(offset + received))
            if got < 0, errno == EINTR { continue }
            if got <= 0 { break }
            received += got
        }
        return received
    }
}
