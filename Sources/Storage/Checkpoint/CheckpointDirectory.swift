import Basics
import Foundation

/// The checkpoints of one run: files `checkpoint-00001234.h5` in one directory. Knows nothing of their content.
///
/// A save is atomic: it is written under the name `checkpoint-00001234.h5.partial`, closed, sealed, synced, read back, and renamed;
/// then the directory is synced and old checkpoints are removed. Whenever the process or the machine stops, every file under
/// a final name is complete. Other files in the directory are never touched.
package struct CheckpointDirectory: Sendable {
    package let path: String
    private let sound = SoundFiles()

    package init(path: String) { self.path = path }

    package struct Entry: Sendable, Hashable {
        package let step: Int
        package let path: String
    }

    package struct SaveReport: Sendable {
        package let entry: Entry
        package let bytes: Int
        /// Removed because of the limit.
        package let removed: [Entry]
        /// Files that should have gone but could not be removed. The save itself succeeded.
        package let warnings: [StorageError]
    }

    private static let prefix = "checkpoint-", suffix = ".h5", partial = ".partial", digits = 8

    package static func fileName(step: Int) -> String {
        let number = String(step)
        return prefix + String(repeating: "0", count: max(0, digits - number.count)) + number + suffix
    }

    /// The step of a checkpoint's file name; nil for any other name.
    package static func step(fileName: String) -> Int? {
        guard fileName.hasPrefix(prefix), fileName.hasSuffix(suffix) else { return nil }
        guard let step = Int(fileName.dropFirst(prefix.count).dropLast(suffix.count)), step >= 0 else { return nil }
        return Self.fileName(step: step) == fileName ? step : nil
    }

    /// All checkpoints by name, lowest step first, unread. A directory that does not exist holds none.
    package func entries() throws(StorageError) -> [Entry] {
        guard FileSystem.kind(of: path) != nil else { return [] }
        var entries: [Entry] = []
        for name in try FileSystem.names(in: path) {
            guard let step = Self.step(fileName: name), FileSystem.kind(of: file(name)) == .file else { continue }
            entries.append(Entry(step: step, path: file(name)))
        }
        return entries.sorted { $0.step < $1.step }
    }

    private func file(_ name: String) -> String { path + "/" + name }

    /// Writes a checkpoint. If anything fails, what was there before is unchanged.
    ///
    /// - Parameters:
    ///   - limit: how many checkpoints may stay (`save_total_limit`); the lowest steps go first, never the one just
    ///     written; nil keeps all. A damaged one does not count, so none that is sound goes because of it.
    ///   - best: the step of one that stays whatever the limit is, besides the one just written; it counts.
    ///   - expectedBytes: refuses at once if the file system has less space; 0 does not ask.
    ///   - write: fills the file; it is closed afterwards.
    @discardableResult
    package func save(
        step: Int, keeping limit: Int? = nil, sparing best: Int? = nil, expectedBytes: Int = 0, _ write: (HDF5File) throws -> Void
    ) throws -> SaveReport {
        try FileSystem.createDirectory(path)
        var warnings = removeLeftovers()
        if expectedBytes > 0, let free = FileSystem.freeBytes(in: path), free < expectedBytes {
            throw StorageError(
                .noSpace, file: path, "a checkpoint takes about \(expectedBytes / 1_000_000) MB, but only \(free / 1_000_000) MB are free")
        }
        let entry = Entry(step: step, path: file(Self.fileName(step: step)))
        var attempts = 1
        while true {
            do {
                try put(entry, write)
                break
            } catch let error as StorageError where error.number == EINTR && attempts < 3 {
                attempts += 1  // The library below gives up where a signal interrupts some calls.
            }
        }
        var status = stat()
        stat(entry.path, &status)

        let removed = limit.map { prune(keeping: max(1, $0), newest: entry, sparing: best, &warnings) } ?? []
        return SaveReport(entry: entry, bytes: Int(status.st_size), removed: removed, warnings: warnings)
    }

    private func put(_ entry: Entry, _ write: (HDF5File) throws -> Void) throws {
        let temporary = entry.path + Self.partial
        try OutputFile.requireFile(temporary)
        do {
            let file = try SealedFile.create(temporary)
            do {
                try write(file)
            } catch {
                try? file.close()
                throw error
            }
            try file.close()
            try SealedFile.seal(temporary)
            try SealedFile.verifyContents(temporary)
            try FileSystem.rename(temporary, to: entry.path)
        } catch {
            // HDF5 keeps a file open that it could not close: give its space back all the same.
            truncate(temporary, 0)
            unlink(temporary)
            throw error
        }
        sound.note(entry.path)
        try FileSystem.syncDirectory(of: entry.path)
    }

    /// Removes what is beyond the limit. From the newest down, each that is sound takes a place; damaged ones are left for their owner to look at.
    private func prune(keeping limit: Int, newest: Entry, sparing best: Int?, _ warnings: inout [StorageError]) -> [Entry] {
        var removed: [Entry] = []
        do throws(StorageError) {
            let others = try entries().filter { $0 != newest }, kept = best != nil && others.contains { $0.step == best } ? 1 : 0
            var places = limit - 1 - kept
            for entry in others.reversed() where entry.step != best {
                if places > 0 {
                    do throws(StorageError) {
                        try sound.require(entry.path)
                        places -= 1
                    } catch { warnings.append(error) }
                    continue
                }
                do throws(StorageError) {
                    try FileSystem.removeFile(entry.path)
                    removed.append(entry)
                } catch { warnings.append(error) }
            }
        } catch { warnings.append(error) }
        return removed.reversed()
    }

    /// Removes what a killed save left behind.
    private func removeLeftovers() -> [StorageError] {
        var warnings: [StorageError] = []
        for name in (try? FileSystem.names(in: path)) ?? [] where name.hasSuffix(Self.partial) {
            guard Self.step(fileName: String(name.dropLast(Self.partial.count))) != nil, FileSystem.kind(of: file(name)) == .file else { continue }
            do throws(StorageError) { try FileSystem.removeFile(file(name)) } catch { warnings.append(error) }
        }
        return warnings
    }

    package struct Search<Opened> {
        /// nil where there is no valid checkpoint.
        package let newest: (entry: Entry, opened: Opened)?
        /// Those newer than `newest` that failed their checks, newest first, with the reason.
        package let invalid: [(entry: Entry, reason: any Error)]
    }

    /// Opens checkpoints from the highest step down until one passes the checks of `open`.
    ///
    /// - Throws: where a file is not damaged, but cannot be read now, or is of a later program: no earlier one is a substitute for it.
    package func newestValid<Opened>(_ open: (_ path: String) throws -> Opened) throws -> Search<Opened> {
        var invalid: [(entry: Entry, reason: any Error)] = []
        for entry in try entries().reversed() {
            do {
                return Search(newest: (entry, try open(entry.path)), invalid: invalid)
            } catch {
                if let error = error as? StorageError, error.isOfTheSystem || error.code == .unsupported { throw error }
                invalid.append((entry, error))
            }
        }
        return Search(newest: nil, invalid: invalid)
    }
}
