import Foundation

/// A file that only grows. Each record reaches the system in one call, so a killed process leaves at most the last one incomplete.
final class AppendedFile {
    let path: String
    private var descriptor: Int32

    /// Opens the file at its end; makes it if it is not there.
    init(path: String) throws(ReportingError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw .system(path, "cannot be opened") }
    }

    func append(_ bytes: [UInt8]) throws(ReportingError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .system(path, "cannot be written")
            }
            rest = rest.dropFirst(written)
        }
    }

    func synchronize() throws(ReportingError) {
        // Pipes and devices have no disk to be brought to.
        if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS { throw .system(path, "cannot be brought to the disk") }
    }

    func close() throws(ReportingError) {
        guard descriptor >= 0 else { return }
        let result = Foundation.close(descriptor)
        descriptor = -1
        if result != 0 { throw .system(path, "cannot be closed") }
    }

    deinit {
        if descriptor >= 0 { _ = Foundation.close(descriptor) }
    }
}
