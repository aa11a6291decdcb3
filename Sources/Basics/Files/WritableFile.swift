import Foundation

/// A file being written at given offsets. Every short or failed write is an error, and so is a failed close.
package final class WritableFile: @unchecked Sendable {
    // Sendable: pwrite takes its own offset, so only `close` changes state; its caller is the only owner by then.
    package let path: String
    private var descriptor: Int32

    /// Creates the file, or empties an existing one.
    package init(creating path: String) throws(StorageError) {
        self.path = path
        descriptor = try OutputFile.open(path, O_WRONLY | O_CREAT | O_TRUNC, to: "create")
    }

    /// Opens an existing file to overwrite parts of it.
    package init(updating path: String) throws(StorageError) {
        self.path = path
        descriptor = try OutputFile.open(path, O_WRONLY)
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        guard descriptor >= 0 else { throw StorageError(.closed, file: path, "written to after it was closed") }
        var done = 0
        while done < bytes.count {
            let count = SystemCall.retrying { pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done)) }
            guard count > 0 else { throw StorageError("write", path, count == 0 ? ENOSPC : errno, writing: true) }
            done += count
        }
    }

    /// Makes what was written durable.
    package func sync() throws(StorageError) {
        guard SystemCall.sync(descriptor) == 0 else { throw StorageError("bring to the disk", path, errno, writing: true) }
    }

    package func close(syncing: Bool) throws(StorageError) {
        guard descriptor >= 0 else { return }
        let open = descriptor
        descriptor = -1
        var code = syncing && SystemCall.sync(open) != 0 ? errno : 0
        let closed = SystemCall.close(open)
        if code == 0 { code = closed }
        guard code == 0 else { throw StorageError("finish writing", path, code, writing: true) }
    }

    deinit {
        if descriptor >= 0 { _ = SystemCall.close(descriptor) }
    }
}
