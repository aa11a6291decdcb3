import Foundation

/// Opens for writing what a path names only where that is an ordinary file, or a device: a pipe would wait for its reader, for ever.
package enum OutputFile {
    /// A descriptor; the caller closes it.
    ///
    /// - Parameter action: completes "cannot".
    package static func open(_ path: String, _ flags: Int32, to action: String = "open") throws(StorageError) -> Int32 {
        let descriptor = SystemCall.open(path, flags | O_NONBLOCK), number = errno
        var status = stat()
        let isKnown = (descriptor < 0 ? stat(path, &status) : fstat(descriptor, &status)) == 0
        if isKnown, let refusal = refusal(status, path) {
            if descriptor >= 0 { _ = SystemCall.close(descriptor) }
            throw refusal
        }
        guard descriptor >= 0 else { throw StorageError(action, path, number, writing: true) }
        // A terminal is waited for as usual.
        _ = fcntl(descriptor, F_SETFL, flags & O_APPEND)
        return descriptor
    }

    /// Throws where there is something at the path that cannot be written to as a file; for those who leave the opening to a library.
    package static func requireFile(_ path: String) throws(StorageError) {
        var status = stat()
        if stat(path, &status) == 0, let refusal = refusal(status, path) { throw refusal }
    }

    private static func refusal(_ status: stat, _ path: String) -> StorageError? {
        guard ![S_IFREG, S_IFCHR, S_IFBLK].contains(status.st_mode & S_IFMT), case .notAFile(let kind)? = InputFile.kind(status) else { return nil }
        return StorageError(.unwritable, file: path, "is \(kind), not a file; move it away, or write elsewhere")
    }
}
