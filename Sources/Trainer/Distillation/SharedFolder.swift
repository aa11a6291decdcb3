import Foundation
import Storage

/// A directory that several processes write files into at the same time, each under its own name. What is unfinished ends with `.partial`; a process that finds itself
/// alone removes what others left so, since nobody is writing it any more.
final class SharedFolder: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws {
        try FileSystem.createDirectory(path)
        let lock = path + "/.lock"
        descriptor = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw HealError(.configuration, "\(lock): cannot be written: \(String(cString: strerror(errno)))") }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            for name in (try? FileSystem.names(in: path)) ?? [] where name.hasSuffix(".partial") { try? FileSystem.removeFile("\(path)/\(name)") }
        }
        // The system lets go when the process ends, however it ends.
        flock(descriptor, LOCK_SH)
    }

    deinit { close(descriptor) }

    /// A name that no other process has.
    static func partial(_ path: String) -> String { "\(path).\(UUID().uuidString).partial" }
}
