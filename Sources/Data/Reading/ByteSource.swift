import Basics
import CZlib
import Foundation

/// Bytes of a file in order, decompressed where the file is gzip.
///
/// What the file is follows from its first two bytes, not from its name. A gzip file may consist of several members, as `pigz` and
/// `cat a.gz b.gz` make them.
package final class ByteSource {
    package let path: String
    package private(set) var isGzip = false
    private let descriptor: Int32
    private var input: [UInt8]
    private var inputStart = 0
    private var inputEnd = 0
    private var reachedEnd = false
    private var stream = z_stream()
    private var inflating = false
    private var members = 0
    private var packedBytes = 0
    private var unpackedBytes = 0
    private let limit: GzipLimit

    /// Opens `path` for reading from its start.
    package convenience init(path: String) throws(DataError) { try self.init(path: path, limit: GzipLimit()) }

    init(path: String, limit: GzipLimit) throws(DataError) {
        self.path = path
        self.limit = limit
        descriptor = try openForReading(path)
        input = [UInt8](repeating: 0, count: 1 << 16)
        do {
            try fill()
        } catch {
            close(descriptor)
            throw error
        }
        isGzip = inputEnd >= 2 && input[0] == 0x1F && input[1] == 0x8B
    }

    deinit {
        if inflating { inflateEnd(&stream) }
        close(descriptor)
    }

    /// Reads up to `buffer.count` bytes; 0 means the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
        isGzip ? try readInflated(into: buffer) : try readPlain(into: buffer)
    }

    private func readPlain(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
        if inputStart == inputEnd { try fill() }
        let count = min(buffer.count, inputEnd - inputStart)
        input.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[inputStart..<inputStart + count])) }
        inputStart += count
        return count
    }

    private func readInflated(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
        while true {
            if inputStart == inputEnd { try fill() }
            if !inflating {
                guard try startsMember() else { return 0 }
            }
            if inputStart == inputEnd {
                throw DataError(.damaged, at: path, "the gzip data ends early: the file is cut off; fetch or copy it again")
            }
            let (status, produced) = inflateSome(into: buffer)
            unpackedBytes += produced
            guard limit.allows(unpackedBytes, from: packedBytes) else {
                throw DataError(.damaged, at: path, "unpacks to more than \(limit.ratio) times its size, which text does not; it is taken for damage")
            }
            switch status {
            case Z_OK, Z_BUF_ERROR:
                if produced > 0 { return produced }
            case Z_STREAM_END:
                inflateEnd(&stream)
                inflating = false
                if produced > 0 { return produced }
            default:
                let reason = stream.msg.map { String(cString: $0) } ?? "error \(status)"
                throw DataError(.damaged, at: path, "the gzip data is damaged (\(reason)); fetch or copy it again")
            }
        }
    }

    /// Starts the next member if there is one. Zero bytes after the last member are padding; anything else is damage.
    private func startsMember() throws(DataError) -> Bool {
        while true {
            while inputStart < inputEnd, members > 0, input[inputStart] == 0 { inputStart += 1 }
            if inputStart < inputEnd { break }
            if reachedEnd { return false }
            try fill()
        }
        if members > 0, input[inputStart] != 0x1F {
            throw DataError(.damaged, at: path, "bytes that are not gzip follow the compressed data; compress the file again")
        }
        stream = z_stream()
        let gzipWindow: Int32 = 15 + 16
        guard inflateInit2_(&stream, gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DataError(.unreadable, at: path, "zlib cannot start: out of memory")
        }
        inflating = true
        members += 1
        return true
    }

    private func inflateSome(into buffer: UnsafeMutableRawBufferPointer) -> (status: Int32, produced: Int) {
        input.withUnsafeMutableBufferPointer { bytes in
            let room = min(buffer.count, Int(UInt32.max))
            stream.next_in = bytes.baseAddress! + inputStart
            stream.avail_in = UInt32(inputEnd - inputStart)
            stream.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(room)
            let status = inflate(&stream, Z_NO_FLUSH)
            inputStart = inputEnd - Int(stream.avail_in)
            return (status, room - Int(stream.avail_out))
        }
    }

    private func fill() throws(DataError) {
        guard !reachedEnd else { return }
        inputStart = 0
        inputEnd = 0
        let count = input.withUnsafeMutableBytes { retryingInterrupts(descriptor, $0) }
        guard count >= 0 else { throw DataError(StorageError("read", path, errno, writing: false)) }
        reachedEnd = count == 0
        inputEnd = count
        packedBytes += count
    }
}

/// How much a packed file may unpack to: a small one that fills the disk is no data set.
struct GzipLimit {
    /// Text shrinks to a tenth, the same row over and over to a hundredth.
    var ratio = 400
    /// Below this nobody minds.
    var harmlessBytes = 1 << 30

    func allows(_ unpacked: Int, from packed: Int) -> Bool { unpacked <= max(harmlessBytes, ratio * packed) }
}

/// Opens an ordinary file, or says what is wrong with it.
func openForReading(_ path: String) throws(DataError) -> Int32 {
    do throws(InputFile.Problem) {
        return try InputFile.open(path)
    } catch {
        if case .system(let number) = error { throw DataError(StorageError("open", path, number, writing: false)) }
        throw DataError(.unreadable, at: path, error.words)
    }
}

private func retryingInterrupts(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count >= 0 || errno != EINTR { return count }
    }
}
