import Foundation

/// Where the rows of a file begin, in bounded memory.
///
/// The start of every row is kept until there are `limit` of them; then of every second, every fourth, and so on.
struct RowOffsets: Sendable {
    private(set) var count = 0
    private var starts: [Int] = []
    /// Rows from one kept start to the next, a power of two.
    private var stride = 1
    private let limit: Int

    /// - Parameter limit: starts kept at most, an even number. 2^20 of them are 8 MiB.
    init(limit: Int = 1 << 20) { self.limit = limit }

    mutating func append(_ start: Int) {
        defer { count += 1 }
        guard count % stride == 0 else { return }
        if starts.count == limit {
            starts = Swift.stride(from: 0, to: limit, by: 2).map { starts[$0] }
            stride *= 2
        }
        starts.append(start)
    }

    /// The rows that `row` is found among: where the first of them starts, how many come before `row`, and where the first row after
    /// them starts, nil at the end of the file.
    func block(of row: Int) -> (start: Int, rowsBefore: Int, end: Int?) {
        let (block, rowsBefore) = row.quotientAndRemainder(dividingBy: stride)
        return (starts[block], rowsBefore, block + 1 < starts.count ? starts[block + 1] : nil)
    }
}

/// What reading a file once from end to end tells.
struct RowIndex {
    private(set) var layout = RowLayout.lines
    private(set) var offsets: RowOffsets
    private(set) var byteCount = 0
    private(set) var contentHash: UInt64 = 0

    init(of source: ByteSource, spool: Spool?, blockBytes: Int, offsets: RowOffsets) throws(DataError) {
        self.offsets = offsets
        let chunks = ReadAhead(source)
        var hash = ContentHash()
        var scanner: RowScanner?
        do {
            while let chunk = try chunks.next() {
                try spool?.write(chunk)
                hash.combine(chunk)
                var content = chunk
                if scanner == nil {
                    if let complaint = ForeignFile.complaint(start: chunk) { throw RecordError(complaint) }
                    let mark = chunk.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
                    content = UnsafeRawBufferPointer(rebasing: chunk.dropFirst(mark))
                    layout = Self.layout(of: source.path, start: content)
                    scanner = RowScanner(layout: layout, blockBytes: blockBytes, from: mark)
                }
                try scanner?.scan(content) { offset, _ in self.offsets.append(offset) }
                byteCount += chunk.count
            }
            try scanner?.finish { offset, _ in self.offsets.append(offset) }
        } catch let error as RecordError {
            throw DataError(.badRow, at: source.path, error.description)
        } catch let error as DataError {
            throw error
        } catch {
            throw DataError(.unreadable, at: source.path, "\(error)")
        }
        contentHash = hash.value
        if self.offsets.count == 0 { throw DataError(.empty, at: source.path, "the file has no rows") }
    }

    private static func layout(of path: String, start: UnsafeRawBufferPointer) -> RowLayout {
        if path.hasSuffix(".txt") || path.hasSuffix(".txt.gz") { return .text }
        return start.first { !isJSONSpace($0) } == UInt8(ascii: "[") ? .array : .lines
    }
}

/// The bytes of a source in chunks, each read (and unpacked) in the background while the one before it is looked at.
///
/// `@unchecked`: `source` and the buffer at `turn` belong to the queue from `start` until `done` is signalled, to the caller afterwards.
private final class ReadAhead: @unchecked Sendable {
    /// Content hashes depend on it: they take the bytes chunk by chunk.
    static let chunkBytes = 1 << 18

    private let source: ByteSource
    private let queue = DispatchQueue(label: "heal.reading", qos: .userInitiated)
    private let done = DispatchSemaphore(value: 0)
    private let buffers = (0..<2).map { _ in UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16) }
    private var turn = 0
    private var filled: Result<Int, DataError> = .success(0)

    init(_ source: ByteSource) {
        self.source = source
        start()
    }

    /// The next chunk, valid until the next call; nil at the end of the file. All but the last are full, whatever the source hands out.
    /// Not to be called again after nil or an error.
    func next() throws(DataError) -> UnsafeRawBufferPointer? {
        done.wait()
        let count = try filled.get()
        guard count > 0 else { return nil }
        let chunk = UnsafeRawBufferPointer(rebasing: buffers[turn][..<count])
        turn = 1 - turn
        start()
        return chunk
    }

    private func start() {
        queue.async { [self] in
            filled = Result { () throws(DataError) in try fill(buffers[turn]) }
            done.signal()
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
        var count = 0
        while count < buffer.count {
            let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            if got == 0 { break }
            count += got
        }
        return count
    }

    /// Runs once the queue has let go of `self`: no reading is under way any more.
    deinit { for buffer in buffers { buffer.deallocate() } }
}
