import CShims
import Foundation

/// A whole file mapped read-only, so that tensors are read straight from the page cache.
///
/// The bytes live as long as this object does. A file that another program shortens while it is mapped ends the process with status 74 and a message that
/// names it: memory that is not there any more can be neither read nor replaced by other numbers. Replace files by renaming, never in place.
package final class MappedFile: @unchecked Sendable {
    // Sendable: the mapping is read-only and never changes after `init`.
    package let path: String
    /// Only for code that keeps this object alive while it uses them; otherwise `withBytes`.
    package let bytes: UnsafeRawBufferPointer
    private let identity: FileSystem.Identity

    package init(path: String) throws(StorageError) {
        self.path = path
        let descriptor = SystemCall.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw StorageError("open", path, errno, writing: false) }
        defer { _ = SystemCall.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StorageError("examine", path, errno, writing: false) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.notFound, file: path, "is not an ordinary file")
        }
        identity = FileSystem.Identity(status)
        let count = Int(status.st_size)
        if count == 0 {  // mmap refuses an empty mapping
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw StorageError("map", path, errno, writing: false)
        }
        bytes = UnsafeRawBufferPointer(start: base, count: count)
        heal_watch_mapping(base, count, path)
    }

    deinit {
        guard let base = bytes.baseAddress else { return }
        heal_forget_mapping(base)
        munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    }

    package var count: Int { bytes.count }

    /// The bytes, for the time of the call.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        // The compiler may end an object's life after its last use, before that of a pointer taken from it.
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    /// Throws where the file was written to since it was opened: what was read of it may be old, new, or zeros. A file that was replaced by another of its
    /// name is as it was, for those who have it mapped.
    package func requireUnchanged() throws(StorageError) {
        guard let now = FileSystem.identity(of: path), now.isSameFile(as: identity), now != identity else { return }
        throw StorageError(
            .malformed, file: path, "was changed by another program while it was being read; replace files by renaming, never in place, and start again")
    }

    /// Bytes `offset ..< offset + count`, or nil where the file is too short. Any argument is safe.
    package func slice(at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// Tells the system that these bytes are not needed for now, so that a model that was converted does not stay
    /// resident twice. They can be read again at any time.
    package func release(_ slice: UnsafeRawBufferPointer) { Self.release(slice) }

    /// As above, for bytes of any mapped file.
    package static func release(_ slice: UnsafeRawBufferPointer) {
        let page = 4096
        guard slice.count >= 1 << 20, let start = slice.baseAddress else { return }
        let first = (Int(bitPattern: start) + page - 1) & ~(page - 1)
        let end = (Int(bitPattern: start) + slice.count) & ~(page - 1)
        guard end > first, let aligned = UnsafeMutableRawPointer(bitPattern: first) else { return }
        madvise(aligned, end - first, MADV_DONTNEED)
    }
}
