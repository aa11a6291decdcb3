import CShims
import Foundation

/// The one gate to the file system: every call is looked at, and an error names the file and the system's reason.
package enum FileSystem {
    package enum Kind: Sendable { case file, directory, other }

    /// What is at `path` (symbolic links followed), or nil where there is nothing, or nothing that may be looked at.
    package static func kind(of path: String) -> Kind? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return kind(status)
    }

    private static func kind(_ status: stat) -> Kind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .directory
        default: .other
        }
    }

    /// Which file it is and which state of it: another number where it was replaced or written to.
    package struct Identity: Hashable, Sendable {
        /// The file system's number, and the file's on it.
        package let device: UInt, file: UInt
        package let bytes: Int
        private let seconds: Int, nanoseconds: Int

        init(_ status: stat) {
            (device, file, bytes) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
            (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        }

        /// Whether it is the same file, whatever was written to it.
        package func isSameFile(as other: Identity) -> Bool { device == other.device && file == other.file }
    }

    /// nil where there is nothing at the path.
    package static func identity(of path: String) -> Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(status) : nil
    }

    /// Names in a directory, sorted, without `.` and `..`.
    package static func names(in directory: String) throws(StorageError) -> [String] {
        guard let stream = opendir(directory) else { throw StorageError("open the directory", directory, errno, writing: false) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw StorageError("list the directory", directory, errno, writing: false) }
        return names.sorted()
    }

    /// Creates the directory and its parents; an existing directory is fine.
    package static func createDirectory(_ path: String) throws(StorageError) {
        if kind(of: path) == .directory { return }
        let above = parent(of: path)
        if above != path, kind(of: above) == nil { try createDirectory(above) }
        // Another process may have made it meanwhile.
        guard mkdir(path, 0o777) == 0 || (errno == EEXIST && kind(of: path) == .directory) else {
            throw StorageError("create the directory", path, errno, writing: true)
        }
    }

    /// The whole file, for small ones; `limit` guards against reading something huge by mistake.
    package static func readAll(_ path: String, limit: Int = 1 << 28) throws(StorageError) -> [UInt8] {
        let file = try ReadableFile(path: path)
        guard file.count <= limit else {
            throw StorageError(.unsupported, file: path, "holds \(file.count) bytes; at most \(limit) are expected here")
        }
        var bytes = [UInt8](repeating: 0, count: file.count), failure: StorageError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(StorageError) { try file.read(into: buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Everything that comes from what has no size: pipes, and the kernel's files.
    package static func stream(_ path: String, limit: Int) throws(StorageError) -> [UInt8] {
        let descriptor = SystemCall.open(path, O_RDONLY)
        guard descriptor >= 0 else { throw StorageError("open", path, errno, writing: false) }
        defer { _ = SystemCall.close(descriptor) }
        var bytes: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 1)
        defer { piece.deallocate() }
        while true {
            let got = SystemCall.retrying { read(descriptor, piece.baseAddress, piece.count) }
            guard got >= 0 else { throw StorageError("read", path, errno, writing: false) }
            if got == 0 { return bytes }
            bytes += piece[..<got]
            guard bytes.count <= limit else { throw StorageError(.unsupported, file: path, "is larger than \(limit >> 20) MiB, which is not expected here") }
        }
    }

    /// The text of one of the kernel's files; nil where there is none.
    package static func kernelText(_ path: String) -> String? {
        (try? stream(path, limit: 1 << 24)).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Replaces `path` in one step: a temporary file beside it, synced, then renamed over it.
    package static func writeAtomically(_ bytes: [UInt8], to path: String) throws(StorageError) {
        let temporary = path + ".partial", file = try WritableFile(creating: temporary)
        do throws(StorageError) {
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
        guard SystemCall.retrying({ Foundation.rename(old, new) }) == 0 else { throw StorageError("rename \(old) to this name", new, errno, writing: true) }
    }

    /// Exchanges two names in one step; false where the file system cannot.
    package static func exchange(_ one: String, _ other: String) throws(StorageError) -> Bool {
        if SystemCall.retrying({ heal_exchange(one, other) }) == 0 { return true }
        guard [EINVAL, ENOSYS, ENOTSUP].contains(errno) else { throw StorageError("put \(one) in the place of this", other, errno, writing: true) }
        return false
    }

    package static func removeFile(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw StorageError("remove", path, errno, writing: true) }
    }

    /// Removes a file, or a directory with everything in it; symbolic links are not followed. Nothing there is fine.
    package static func removeTree(_ path: String) throws(StorageError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw StorageError("remove", path, errno, writing: true)
        }
        guard kind(status) == .directory else { return try removeFile(path) }
        for name in try names(in: path) { try removeTree(path + "/" + name) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw StorageError("remove", path, errno, writing: true) }
    }

    /// Makes the file's bytes durable.
    package static func sync(_ path: String) throws(StorageError) {
        let descriptor = SystemCall.open(path, O_RDONLY)
        guard descriptor >= 0 else { throw StorageError("open", path, errno, writing: false) }
        let code = SystemCall.sync(descriptor) == 0 ? 0 : errno, closed = SystemCall.close(descriptor)
        guard code == 0, closed == 0 else { throw StorageError("bring to the disk", path, code == 0 ? closed : code, writing: true) }
    }

    /// Makes a rename inside the parent directory durable.
    package static func syncDirectory(of path: String) throws(StorageError) {
        let directory = parent(of: path), descriptor = SystemCall.open(directory, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { throw StorageError("open the directory", directory, errno, writing: false) }
        let code = SystemCall.sync(descriptor) == 0 ? 0 : errno, closed = SystemCall.close(descriptor)
        // Some network file systems refuse to sync a directory; their rename is durable by itself.
        guard [0, EINVAL, ENOTSUP].contains(code), closed == 0 else {
            throw StorageError("bring the directory to the disk", directory, closed == 0 ? code : closed, writing: true)
        }
    }

    /// Bytes that an ordinary user may still write on the file system of `directory`; nil where unknown.
    package static func freeBytes(in directory: String) -> Int? {
        var status = statvfs()
        // File systems of the kernel's own, such as /proc, have no blocks to count.
        guard statvfs(directory, &status) == 0, status.f_blocks > 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        return overflow ? nil : bytes
    }

    /// The directory at `path`, or the nearest above it that exists.
    package static func nearestDirectory(of path: String) -> String {
        var place = path.isEmpty ? "." : path
        while kind(of: place) == nil, place != ".", place != "/" { place = parent(of: place) }
        return place
    }

    /// Throws unless a directory can be made at `path`, or one that is there be written to. Tries it, and leaves nothing behind.
    package static func requireWritable(_ path: String) throws(StorageError) {
        let place = nearestDirectory(of: path)
        guard kind(of: place) == .directory else { throw StorageError(.unwritable, file: path, "cannot be made: \(place) is not a directory") }
        let probe = "\(place)/.heal-probe-\(UUID().uuidString)"
        guard mkdir(probe, 0o700) == 0 else { throw StorageError("write to \(place)", path, errno, writing: true) }
        guard rmdir(probe) == 0 else { throw StorageError("remove", probe, errno, writing: true) }
    }
}
