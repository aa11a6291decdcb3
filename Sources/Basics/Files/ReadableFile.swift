import Foundation

/// An ordinary file that is read at given offsets. What cannot be read in full is an error.
package final class ReadableFile: Sendable {
    package let path: String
    /// Bytes when it was opened.
    package let count: Int
    private let descriptor: Int32

    package init(path: String) throws(StorageError) {
        self.path = path
        // A pipe would be waited for.
        descriptor = SystemCall.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw StorageError("open", path, errno, writing: false) }
        var status = stat()
        let examined = fstat(descriptor, &status)
        let failure: StorageError? =
            if examined != 0 { StorageError("examine", path, errno, writing: false) } else if status.st_mode & S_IFMT != S_IFREG {
                StorageError(.notFound, file: path, "is not an ordinary file")
            } else { nil }
        count = Int(status.st_size)
        if let failure { throw failure }  // Every property is set: the descriptor is closed below.
    }

    deinit { _ = SystemCall.close(descriptor) }

    /// Fills `buffer` with the bytes from `offset` on.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(StorageError) {
        var done = 0
        while done < buffer.count {
            let got = SystemCall.retrying { pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done)) }
            guard got >= 0 else { throw StorageError("read", path, errno, writing: false) }
            guard got > 0 else {
                throw StorageError(.truncated, file: path, place: "byte \(offset + done)", "ends here, before what is to be read: the file was cut off")
            }
            done += got
        }
    }

    /// The bytes of `range`, piece by piece.
    package func forEachPiece(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) throws(StorageError) {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(range.count, 1 << 22)), alignment: 4096)
        defer { piece.deallocate() }
        var start = range.lowerBound
        while start < range.upperBound {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, range.upperBound - start)])
            try read(into: part, at: start)
            body(UnsafeRawBufferPointer(part))
            start += part.count
        }
    }
}
