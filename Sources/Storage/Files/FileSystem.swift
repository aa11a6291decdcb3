import Foundation

/// The few POSIX calls that Foundation does not give: durable writes, checked at every step.
package enum FileSystem {
    package enum Kind: Sendable { case file, directory, other }

    /// What is at `path` (symbolic links followed), or nil where there is nothing.
    package static func kind(of path: String) -> Kind? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        default: return .other
        }
    }

    /// Names in a directory, sorted, without `.` and `..`.
    package static func names(in directory: String) throws(StorageError) -> [String] {
        guard let stream = opendir(directory) else { throw failure("open the directory", directory, errno, writing: false) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Creates the directory and its parents; an existing directory is fine.
    package static func createDirectory(_ path: String) throws(StorageError) {
        if kind(of: path) == .directory { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw StorageError(
                .unwritable, file: path, "cannot create the directory; choose a place that can be written to",
                cause: (error as NSError).localizedDescription)
        }
    }

    /// The whole file, for small ones; `limit` guards against reading something huge by mistake.
    package static func readAll(_ path: String, limit: Int = 1 << 28) throws(StorageError) -> [UInt8] {
        let file = try MappedFile(path: path)
        guard file.count <= limit else {
            throw StorageError(.unsupported, file: path, "holds \(file.count) bytes; at most \(limit) are expected here")
        }
        return try file.withBytes { [UInt8]($0) }
    }

    /// Replaces `path` in one step: a temporary file beside it, synced, then renamed over it.
    package static func writeAtomically(_ bytes: [UInt8], to path: String) throws(StorageError) {
        let temporary = path + ".partial"
        do throws(StorageError) {
            let file = try WritableFile(creating: temporary)
            try bytes.withRawBytes { (raw) throws(StorageError) in try file.write(raw, at: 0) }
            try file.close(syncing: true)
            try rename(temporary, to: path)
            try syncDirectory(of: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    package static func rename(_ old: String, to new: String) throws(StorageError) {
        guard Glibc.rename(old, new) == 0 else { throw failure("rename \(old) to this name", new, errno, writing: true) }
    }

    package static func removeFile(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path, errno, writing: true) }
    }

    /// Makes the file's bytes durable.
    package static func sync(_ path: String) throws(StorageError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path, errno, writing: false) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", path, errno, writing: true) }
    }

    /// Makes a rename inside the parent directory durable.
    package static func syncDirectory(of path: String) throws(StorageError) {
        let directory = parent(of: path)
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open the directory", directory, errno, writing: false) }
        defer { Glibc.close(descriptor) }
        // Some network file systems refuse to sync a directory; their rename is durable by itself.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw failure("sync the directory", directory, errno, writing: true)
        }
    }

    /// Bytes that an ordinary user may still write on the file system of `directory`; nil where unknown.
    package static func freeBytes(in directory: String) -> Int? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        return overflow ? nil : bytes
    }

    package static func parent(of path: String) -> String {
        let parent = (path as NSString).deletingLastPathComponent
        return parent.isEmpty ? "." : parent
    }

    /// An error for a failed system call, with the reason in the system's words.
    static func failure(_ action: String, _ path: String, _ code: Int32, writing: Bool) -> StorageError {
        let reason = String(cString: strerror(code))
        switch code {
        case ENOENT: return StorageError(.notFound, file: path, "cannot \(action): no such file or directory")
        case ENOSPC, EDQUOT, EFBIG:
            return StorageError(.noSpace, file: path, "cannot \(action): no space is left; free some or write elsewhere", cause: reason)
        default: return StorageError(writing ? .unwritable : .unreadable, file: path, "cannot \(action)", cause: reason)
        }
    }
}
