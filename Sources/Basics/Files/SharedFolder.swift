import Foundation

/// A directory that several processes write files into at the same time. Each file is written under a name of its own, which ends with `.partial`, and
/// renamed; a process that finds itself alone removes what others left unfinished, since nobody is writing it any more.
package final class SharedFolder: Sendable {
    private let lock: FileLock

    package init(_ path: String) throws(StorageError) {
        try FileSystem.createDirectory(path)
        let place = path + "/" + Self.lockName
        guard case .held(let alone) = try FileLock.take(place, creating: true) else {
            lock = try FileLock.join(place)
            return
        }
        for name in (try? FileSystem.names(in: path)) ?? [] where name.hasSuffix(Self.suffix) { try? FileSystem.removeFile("\(path)/\(name)") }
        alone.share()
        lock = alone
    }

    /// Not the name of a run's own lock: the run's directory may be the one that is shared, and its lock is never let go.
    package static let lockName = ".sharing.lock"
    private static let suffix = ".partial"

    /// Whether a file is one that nobody has finished.
    package static func isPartial(_ name: String) -> Bool { name.hasSuffix(suffix) }

    /// A name that no other process has.
    package static func partial(_ path: String) -> String { "\(path).\(UUID().uuidString)\(suffix)" }
}
