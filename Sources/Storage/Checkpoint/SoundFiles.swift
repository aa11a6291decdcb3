import Basics
import Synchronization

/// Sealed files that this process has written or read whole: each is looked at once, as long as nobody changes it.
final class SoundFiles: Sendable {
    private let known = Mutex<[String: FileSystem.Identity]>([:])

    func note(_ path: String) {
        let identity = FileSystem.identity(of: path)
        known.withLock { $0[path] = identity }
    }

    /// Throws where the file is damaged.
    func require(_ path: String) throws(StorageError) {
        let identity = FileSystem.identity(of: path)
        if identity != nil, known.withLock({ $0[path] }) == identity { return }
        try SealedFile.verify(path)
        try SealedFile.verifyContents(path)
        known.withLock { $0[path] = identity }
    }
}
