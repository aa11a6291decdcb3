import Foundation

/// Creates a directory in one step: it appears under its name only when all its files are complete and synced.
///
/// It is filled under a name that begins with a dot, beside its place, and locked meanwhile. What a killed process left so is not locked any more, and is
/// removed by the next one that makes the same directory.
package enum AtomicDirectory {
    /// Calls `fill` with a temporary directory beside `path`, then renames it to `path`.
    ///
    /// - Parameter replacing: puts the new directory in the place of what is there. Otherwise `path` must not exist, or be an empty directory: nothing
    ///   of the user's is ever replaced unasked.
    package static func create(_ path: String, replacing: Bool = false, _ fill: (_ temporary: String) throws -> Void) throws {
        let path = trimmed(path)
        if !replacing { try requireFree(path) }
        let parent = FileSystem.parent(of: path), name = FileSystem.name(of: path)
        try FileSystem.createDirectory(parent)
        removeLeftovers(of: name, in: parent)
        let (temporary, lock) = try locked(parent + "/." + name + making)
        do {
            try fill(temporary)
            for name in try FileSystem.names(in: temporary) { try FileSystem.sync(temporary + "/" + name) }
            try FileSystem.syncDirectory(of: temporary + "/.")
            if replacing, FileSystem.kind(of: path) != nil { try replace(path, with: temporary) } else { try FileSystem.rename(temporary, to: path) }
        } catch {
            try? FileSystem.removeTree(temporary)
            throw error
        }
        withExtendedLifetime(lock) {}
        try FileSystem.syncDirectory(of: path)
        removeLeftovers(of: name, in: parent, after: true)
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

    private static let making = ".partial-", replaced = ".old-"

    /// A new directory whose name begins with `start`, and the lock on it; nil where the file system has no locks.
    private static func locked(_ start: String) throws(StorageError) -> (String, FileLock?) {
        while true {
            let path = start + UUID().uuidString
            try FileSystem.createDirectory(path)
            // Between these two calls another process may take it for a leftover; then it is gone, or locked.
            switch try? FileLock.take(path, creating: false) {
            case .held(let lock)? where FileSystem.kind(of: path) == .directory: return (path, lock)
            case .unsupported?: return (path, nil)
            case nil where FileSystem.kind(of: path) == .directory: return (path, nil)
            default: continue
            }
        }
    }

    /// Puts `new` in the place of `path`, which goes. There is no moment without either where the file system can exchange names.
    private static func replace(_ path: String, with new: String) throws(StorageError) {
        if try FileSystem.exchange(new, path) { return try FileSystem.removeTree(new) }
        let old = FileSystem.parent(of: path) + "/." + FileSystem.name(of: path) + replaced + UUID().uuidString
        try FileSystem.rename(path, to: old)
        do throws(StorageError) { try FileSystem.rename(new, to: path) } catch {
            try? FileSystem.rename(old, to: path)
            throw error
        }
        try FileSystem.removeTree(old)
    }

    /// - Parameter after: whether the new directory is in its place: only then what an earlier one was replaced with may go.
    private static func removeLeftovers(of name: String, in parent: String, after: Bool = false) {
        let starts = after ? [making, replaced] : [making]
        for other in (try? FileSystem.names(in: parent)) ?? [] where starts.contains(where: { other.hasPrefix("." + name + $0) }) {
            let path = parent + "/" + other
            guard case .held? = try? FileLock.take(path, creating: false) else { continue }
            try? FileSystem.removeTree(path)
        }
    }

    private static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
