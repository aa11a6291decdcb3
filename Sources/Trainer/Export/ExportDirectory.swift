import Basics
import Foundation
import Storage

/// Puts an export in its place in one step, and decides what it may replace.
///
/// Everything is written beside the target and renamed at the end, so that a target always holds a whole export. A directory is
/// replaced without asking only if every file in it is one that an earlier export wrote; nothing below a subdirectory is ever removed.
package enum ExportDirectory {
    /// In the header of every safetensors file that an export writes: how a later one recognises its own.
    static let metadata = ["format": "pt", "written_by": "heal"]

    /// - Parameters:
    ///   - bytes: about what will be written, compared with the free space before any work.
    ///   - overwrite: whether a file, or a directory of other files, may be replaced too.
    ///   - fill: writes everything into the directory it is given.
    static func write(_ target: String, bytes: Int, overwrite: Bool, _ fill: (String) throws -> Void) throws {
        let path = resolved(target), replaces = try mustReplace(path, overwrite: overwrite)
        try requireSpace(bytes, at: path)
        var temporary = path
        do {
            try AtomicDirectory.create(path, replacing: replaces) {
                temporary = $0
                try fill($0)
            }
        } catch var error as StorageError where error.file.hasPrefix(temporary) {
            // The temporary name means nothing to anyone.
            error.file = target + error.file.dropFirst(temporary.count)
            throw error
        }
    }

    /// Throws where `write` would refuse the target; for checks before long work.
    ///
    /// - Parameter bytes: about what will be written; 0 where nobody knows yet.
    package static func requireWritable(_ target: String, overwrite: Bool, bytes: Int = 0) throws {
        let path = resolved(target)
        _ = try mustReplace(path, overwrite: overwrite)
        try FileSystem.requireWritable(FileSystem.parent(of: path))
        try requireSpace(bytes, at: path)
    }

    /// Whether an export would take the place of the model that it is made from.
    static func isPlace(_ target: String, of source: String) -> Bool {
        FileSystem.kind(of: source) == .directory && resolved(target) == resolved(source)
    }

    /// Throws where an export would take the place of the model that it is made from.
    package static func requireOther(_ target: String, than source: String) throws {
        guard isPlace(target, of: source) else { return }
        throw HealError(.export, "\(target): is the model that is exported; give another directory, since what only this one holds would be lost")
    }

    /// Writes the small files of an export into the directory that `write` gives.
    static func writeFiles(_ files: [String: [UInt8]], in directory: String) throws {
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let file = try WritableFile(creating: directory + "/" + name)
            try bytes.withUnsafeBytes { try file.write($0, at: 0) }
            try file.close(syncing: false)  // The directory's files are synced together.
        }
    }

    /// Absolute, and through symbolic links where it exists, so that it has a parent and a name.
    private static func resolved(_ target: String) -> String {
        let url = URL(fileURLWithPath: target).standardizedFileURL
        return (FileSystem.kind(of: url.path) == nil ? url : url.resolvingSymlinksInPath()).path
    }

    /// Whether something is at `path` that has to go. Throws if it must stay.
    private static func mustReplace(_ path: String, overwrite: Bool) throws -> Bool {
        guard let kind = FileSystem.kind(of: path) else { return false }
        let names = kind == .directory ? try FileSystem.names(in: path) : []
        if kind == .directory {
            if names.isEmpty { return false }
            if let inner = names.first(where: { FileSystem.kind(of: path + "/" + $0) == .directory }) {
                throw HealError(.export, "\(path): holds the directory \(inner), which no export writes; remove it yourself or choose another place")
            }
            if isEarlierExport(path, names) { return true }
        }
        guard overwrite, kind != .other else {
            let what = kind == .directory ? "holds other files than those of an earlier export" : "exists and is not a directory"
            throw HealError(.export, "\(path): \(what); choose another place, or allow it to be overwritten")
        }
        return true
    }

    private static func isEarlierExport(_ path: String, _ names: [String]) -> Bool {
        let weights = names.filter { $0.hasSuffix(".safetensors") }
        let known = Set(CompanionFiles.names + weights + [SafetensorsDirectory.indexName, MPOManifest.fileName])
        guard names.allSatisfy(known.contains), !weights.isEmpty else { return false }
        return weights.allSatisfy { (try? SafetensorsFile(path: path + "/" + $0))?.metadata["written_by"] == metadata["written_by"] }
    }

    private static func requireSpace(_ bytes: Int, at path: String) throws {
        guard let free = FileSystem.freeBytes(in: FileSystem.nearestDirectory(of: FileSystem.parent(of: path))), free < bytes else { return }
        throw StorageError(
            .noSpace, file: path, "the export takes \(HumanFormat.bytes(bytes)), but only \(HumanFormat.bytes(free)) are free there; free some or choose another place")
    }
}
