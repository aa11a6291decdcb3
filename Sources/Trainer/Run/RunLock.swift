import Basics

/// Keeps a second run out of an output directory for as long as this value lives, and knows the directory again.
final class RunLock {
    private let directory: String
    private let lock: FileLock?
    private let identity: FileSystem.Identity?
    /// What to say where the file system has no locks; nil where it has.
    let warning: String?

    init(directory: String) throws {
        self.directory = directory
        identity = FileSystem.identity(of: directory)
        switch try FileLock.take(directory + "/.lock", creating: true) {
        case .held(let lock): (self.lock, warning) = (lock, nil)
        case .busy:
            throw StorageError(.unwritable, file: directory, "another run is writing here; wait for it, stop it, or choose another output_dir")
        case .unsupported(let reason):
            lock = nil
            warning = "\(directory): files cannot be locked on this file system (\(reason)); take care that no second run writes here"
        }
    }

    /// Throws where another directory has come into the place of the one that was locked.
    func requireNoOther() throws(StorageError) {
        guard let now = FileSystem.identity(of: directory), let identity, !now.isSameFile(as: identity) else { return }
        throw StorageError(
            .inputOutput, file: directory,
            "is another directory than when the run began: the run's own was moved away or removed, so nothing is written here. Put it back and go on with --resume")
    }

    /// Whether the directory is gone.
    var isGone: Bool { FileSystem.identity(of: directory) == nil }
}
