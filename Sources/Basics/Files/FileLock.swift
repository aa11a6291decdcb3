import Foundation

/// A lock on a file or directory, held as long as this value lives. The system lets go when the process ends, however it ends.
package final class FileLock: Sendable {
    package enum Outcome {
        case held(FileLock)
        /// Another process, or another lock of this one, has it.
        case busy
        /// This file system has no such locks; the reason in the system's words.
        case unsupported(String)
    }

    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { _ = SystemCall.close(descriptor) }

    /// Locks `path` for one holder alone, without waiting.
    ///
    /// - Parameter creating: makes the file; otherwise it, or a directory, must be there.
    package static func take(_ path: String, creating: Bool) throws(StorageError) -> Outcome {
        let descriptor = creating ? try OutputFile.open(path, O_CREAT | O_RDWR) : SystemCall.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw StorageError("open", path, errno, writing: false) }
        let lock = FileLock(descriptor)
        return lock.set(LOCK_EX | LOCK_NB).map { $0 == EWOULDBLOCK ? .busy : .unsupported(String(cString: strerror($0))) } ?? .held(lock)
    }

    /// Lets others hold it at the same time. Nothing happens where they cannot be kept out either.
    package func share() { _ = set(LOCK_SH) }

    /// A lock that others may hold, too, after one of them made what is there; waits for whoever has it alone.
    package static func join(_ path: String) throws(StorageError) -> FileLock {
        let lock = FileLock(try OutputFile.open(path, O_CREAT | O_RDWR))
        lock.share()
        return lock
    }

    /// nil, or the error's number.
    private func set(_ operation: Int32) -> Int32? { SystemCall.retrying { flock(descriptor, operation) } == 0 ? nil : errno }
}
