import Foundation

/// A file that only grows. Each record reaches the system in one call, so a killed process leaves at most the last one incomplete.
package final class AppendedFile {
    package let path: String
    private var descriptor: Int32

    /// Opens the file at its end; makes it if it is not there.
    package init(path: String) throws(StorageError) {
        self.path = path
        descriptor = try OutputFile.open(path, O_WRONLY | O_CREAT | O_APPEND)
    }

    package func append(_ bytes: [UInt8]) throws(StorageError) {
        guard descriptor >= 0 else { throw StorageError(.closed, file: path, "written to after it was closed") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = SystemCall.retrying { rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
            guard written > 0 else { throw StorageError("write", path, written == 0 ? ENOSPC : errno, writing: true) }
            rest = rest.dropFirst(written)
        }
    }

    package func synchronize() throws(StorageError) {
        // Devices have no disk to be brought to.
        if SystemCall.sync(descriptor) != 0, errno != EINVAL, errno != EROFS { throw StorageError("bring to the disk", path, errno, writing: true) }
    }

    package func close() throws(StorageError) {
        guard descriptor >= 0 else { return }
        let code = SystemCall.close(descriptor)
        descriptor = -1
        if code != 0 { throw StorageError("finish writing", path, code, writing: true) }
    }

    deinit {
        if descriptor >= 0 { _ = SystemCall.close(descriptor) }
    }
}
