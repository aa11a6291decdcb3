import Foundation

/// Creates a directory in one step: it appears under its name only when all its files are complete and synced.
package enum AtomicDirectory {
    /// Calls `fill` with a temporary directory beside `path`, then renames it to `path`.
    ///
    /// `path` must not exist, or be an empty directory: nothing of the user's is ever replaced.
    package static func create(_ path: String, _ fill: (_ temporary: String) throws -> Void) throws {
        let path = trimmed(path)
        try requireFree(path)
        let parent = FileSystem.parent(of: path)
        try FileSystem.createDirectory(parent)
        let temporary = parent + "/." + (path as NSString).lastPathComponent + ".partial-\(getpid())"
        try? FileManager.default.removeItem(atPath: temporary)
        try FileSystem.createDirectory(temporary)
        do {
            try fill(temporary)
            for name in try FileSystem.names(in: temporary) { try FileSystem.sync(temporary + "/" + name) }
            try FileSystem.syncDirectory(of: temporary + "/.")
            try FileSystem.rename(temporary, to: path)
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
        try FileSystem.syncDirectory(of: path)
    }

    /// Throws where `create` would refuse the path; for checks before long work.
    package static func requireFree(_ path: String) throws(StorageError) {
        switch FileSystem.kind(of: path) {
        case nil: return
        case .directory where try FileSystem.names(in: path).isEmpty: return
        case .directory: throw StorageError(.unwritable, file: path, "exists and is not empty; remove it or choose another name")
        default: throw StorageError(.unwritable, file: path, "exists and is not a directory; remove it or choose another name")
        }
    }

    private static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
