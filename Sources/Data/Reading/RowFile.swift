import Foundation

/// A file of rows, open for reading any row at any time from any thread.
///
/// Opening reads the file once from end to end, in constant memory, and keeps 16 bytes a row: where it starts and how long it is.
/// A gzip file is decompressed on the way into an unnamed temporary file (in `TMPDIR`, else `/tmp`), which vanishes when the value does;
/// so memory stays bounded whatever the file's size, at the price of disk space.
package final class RowFile: Sendable {
    package let path: String
    package let layout: RowLayout
    /// Decompressed size in bytes.
    package let byteCount: Int
    /// Hash of the decompressed bytes.
    package let contentHash: UInt64
    private let descriptor: Int32
    private let offsets: [Int]
    private let lengths: [Int]

    /// Rows that are longer than this are damage, not data.
    static let longestRow = 256 << 20

    package var rowCount: Int { offsets.count }

    /// Opens and indexes `path`.
    ///
    /// A file named `.txt` or `.txt.gz` is text, a file whose first byte that is not blank is `[` a JSON array, any other JSON lines.
    /// Text is cut at line ends into blocks of `blockBytes` or a little more.
    package init(path: String, blockBytes: Int = 4096) throws(DataError) {
        let source = try ByteSource(path: path)
        let spool = source.isGzip ? try Spool(for: path) : nil
        let index = try RowIndex(of: source, spool: spool, blockBytes: blockBytes)
        self.path = path
        layout = index.layout
        offsets = index.offsets
        lengths = index.lengths
        byteCount = index.byteCount
        contentHash = index.contentHash
        if let spool { descriptor = spool.take() } else { descriptor = try openForReading(path) }
    }

    deinit { close(descriptor) }

    /// The bytes of row `row`, without its line end.
    package func bytes(ofRow row: Int) throws(DataError) -> [UInt8] {
        let count = lengths[row]
        guard count <= Self.longestRow else {
            throw DataError(.badRow, at: place(ofRow: row), "the row is \(count) bytes long; more than \(Self.longestRow) is taken for damage")
        }
        var received = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while received < count {
                let got = pread(descriptor, buffer.baseAddress! + received, count - received, off_t(offsets[row] + received))
                if got < 0, errno == EINTR { continue }
                if got <= 0 { break }
                received += got
            }
            initialized = received
        }
        guard received == count else {
            throw DataError(.unreadable, at: path, "the file became shorter while it was being read; leave it alone during a run")
        }
        return bytes
    }

    /// Whether `row` is the last piece of a text file.
    package func isLast(_ row: Int) -> Bool { row == offsets.count - 1 }

    /// `file:line` of a row. Counts line ends from the file's start, so it is for messages only.
    package func place(ofRow row: Int) -> String {
        guard row < offsets.count else { return path }
        var line = 1
        var position = 0
        let end = offsets[row]
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while position < end {
                let got = pread(descriptor, buffer.baseAddress, min(buffer.count, end - position), off_t(position))
                if got < 0, errno == EINTR { continue }
                if got <= 0 { break }
                for i in 0..<got where buffer[i] == 0x0A { line += 1 }
                position += got
            }
        }
        return "\(path):\(line)"
    }
}

/// The result of reading a file once.
private struct RowIndex {
    var layout = RowLayout.lines
    var offsets: [Int] = []
    var lengths: [Int] = []
    var byteCount = 0
    var contentHash: UInt64 = 0

    init(of source: ByteSource, spool: Spool?, blockBytes: Int) throws(DataError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        var hash = ContentHash()
        var scanner: RowScanner?
        do {
            while true {
                let chunk = try fill(buffer, from: source)
                if chunk.isEmpty { break }
                try spool?.write(chunk)
                hash.combine(chunk)
                byteCount += chunk.count
                if scanner == nil {
                    let mark = chunk.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
                    layout = Self.layout(of: source.path, start: chunk.dropFirst(mark))
                    scanner = RowScanner(layout: layout, blockBytes: blockBytes)
                    try scanner?.scan(chunk, skipping: mark)
                } else {
                    try scanner?.scan(chunk)
                }
            }
            try scanner?.finish()
        } catch let error as RecordError {
            throw DataError(.badRow, at: source.path, error.description)
        } catch let error as DataError {
            throw error
        } catch {
            throw DataError(.unreadable, at: source.path, "\(error)")
        }
        contentHash = hash.value
        offsets = scanner?.offsets ?? []
        lengths = scanner?.lengths ?? []
        if offsets.isEmpty { throw DataError(.empty, at: source.path, "the file has no rows") }
    }

    /// Full chunks whatever the source hands out, so that the hash does not depend on how the file was read.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from source: ByteSource) throws(DataError) -> UnsafeRawBufferPointer {
        var count = 0
        while count < buffer.count {
            let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            if got == 0 { break }
            count += got
        }
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }

    private static func layout(of path: String, start: Slice<UnsafeRawBufferPointer>) -> RowLayout {
        if path.hasSuffix(".txt") || path.hasSuffix(".txt.gz") { return .text }
        return start.first { !isJSONSpace($0) } == UInt8(ascii: "[") ? .array : .lines
    }
}

/// A temporary file without a name.
private final class Spool {
    private var descriptor: Int32
    private let path: String

    init(for source: String) throws(DataError) {
        let directory = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var name = Array("\(directory)/heal-rows-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        path = directory
        guard descriptor >= 0 else {
            throw DataError(.unreadable, at: source, "cannot decompress into \(directory): \(systemError()); set TMPDIR to a directory with room")
        }
        unlink(name)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
        var done = 0
        while done < bytes.count {
            let count = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw DataError(.unreadable, at: path, "cannot write decompressed rows: \(systemError()); set TMPDIR to a directory with room")
            }
            done += count
        }
    }

    /// Hands over the descriptor.
    func take() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }
}
