import Foundation

/// A file being written at given offsets. Every short or failed write is an error, and so is a failed close.
package final class WritableFile: @unchecked Sendable {
    // Sendable: pwrite takes its own offset, so only `close` changes state; its caller is the only owner by then.
    package let path: String
    private var descriptor: Int32

    /// Creates the file, or empties an existing one.
    package init(creating path: String) throws(StorageError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileSystem.failure("create", path, errno, writing: true) }
    }

    /// Opens an existing file to overwrite parts of it.
    package init(updating path: String) throws(StorageError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileSystem.failure("open", path, errno, writing: true) }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        guard descriptor >= 0 else { throw StorageError(.closed, file: path, "written to after it was closed") }
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileSystem.failure("write", path, count == 0 ? ENOSPC : errno, writing: true) }
            done += count
        }
    }

    package func close(syncing: Bool) throws(StorageError) {
        guard descriptor >= 0 else { return }
        let open = descriptor
        descriptor = -1
        var code: Int32 = 0
        if syncing && fsync(open) != 0 { code = errno }
        if Glibc.close(open) != 0 && code == 0 { code = errno }
        guard code == 0 else { throw FileSystem.failure("finish writing", path, code, writing: true) }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }
}
