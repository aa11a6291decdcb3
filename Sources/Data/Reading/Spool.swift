import Basics
import Foundation

/// A temporary file without a name.
final class Spool {
    private var descriptor: Int32
    private let path: String

    init(for source: String) throws(DataError) {
        let directory = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var name = Array("\(directory)/heal-rows-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        path = directory
        guard descriptor >= 0 else {
            throw DataError(StorageError("decompress into \(directory)", source, errno, writing: true), advice: Self.advice)
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
                throw DataError(StorageError("write decompressed rows", path, count == 0 ? ENOSPC : errno, writing: true), advice: Self.advice)
            }
            done += count
        }
    }

    private static let advice = "; set TMPDIR to a directory with room"

    /// Hands over the descriptor.
    func take() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }
}
