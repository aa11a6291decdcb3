import Basics
import Foundation
import HealData
import Storage
import Synchronization

/// A teacher's answers in the files of one directory, found by sample.
///
/// Answers wait in memory until there are enough for a file, or `flush` is called; files appear whole and are never changed. So a kill loses what waited, and any number of runs
/// and ranks may fill one directory at the same time: at worst a sample is in two files, with the same numbers. In memory are the places of samples, not their answers.
package final class TeacherCache: Sendable {
    let directory: String
    let settings: TeacherCacheSettings
    /// Files that were left out because they are damaged, and why.
    package let damaged: [String]
    private let state: Mutex<State>

    private struct State {
        var files: [String] = []
        var index: [UInt64: (file: Int, place: TeacherCacheFile.Place, checksum: Checksum)] = [:]
        /// A few of them, opened.
        var open: [Int: HDF5File] = [:]
        var waiting: [UInt64: TeacherAnswer] = [:]
        var waitingBytes = 0
        var folder: SharedFolder?
        var warnings: [String] = []

        mutating func warn(_ text: String) { if !warnings.contains(text) { warnings.append(text) } }
    }

    private static let openLimit = 64
    /// Bytes of answers that are written in one file.
    private static let fileBytes = 64 << 20

    /// Reads what is there, all of it once, to see that it is sound; writes nothing.
    ///
    /// - Throws: where the directory has answers of another teacher, or made with other settings.
    init(_ directory: String, _ settings: TeacherCacheSettings) throws {
        self.directory = directory
        self.settings = settings
        var state = State(), damaged: [String] = []
        try Self.scan(directory, settings, &state) { damaged.append("\($0)") }
        self.damaged = damaged
        self.state = Mutex(state)
    }

    /// Samples that are known.
    package var count: Int { state.withLock { $0.index.count + $0.waiting.count } }

    /// What happened to the files since the last call: damage that was met, answers that could not be kept. The run goes on without them.
    package func takeWarnings() -> [String] {
        state.withLock { state in
            defer { state.warnings = [] }
            return state.warnings
        }
    }

    /// What is known of a sample, with as many places as are asked for. An answer that is damaged is not known any more.
    func answer(_ key: UInt64, places: Int) -> TeacherAnswer? {
        state.withLock { state in
            if let waiting = state.waiting[key] { return waiting }
            guard let (number, place, checksum) = state.index[key], place.places.count == places else { return nil }
            do throws(StorageError) {
                return try TeacherCacheFile.answer(Self.opened(number, &state), at: place, checksum, settings)
            } catch {
                state.index[key] = nil
                state.warn("\(error); the teacher is asked again about what cannot be read")
                return nil
            }
        }
    }

    private static func opened(_ number: Int, _ state: inout State) throws(StorageError) -> HDF5File {
        if let file = state.open[number] { return file }
        if state.open.count == openLimit { state.open = [:] }
        let file = try HDF5File.open(state.files[number])
        state.open[number] = file
        return file
    }

    func store(_ key: UInt64, _ answer: TeacherAnswer) throws {
        try state.withLock { state in
            state.waiting[key] = answer
            state.waitingBytes += answer.bytes
            if state.waitingBytes >= Self.fileBytes { try write(&state) }
        }
    }

    /// Writes what waits, and looks for what others have written.
    package func flush() throws { try state.withLock { try write(&$0) } }

    /// Writes what waits. Where that fails, the answers are lost, and asked for again by those who need them.
    private func write(_ state: inout State) throws {
        if state.waiting.isEmpty { return }
        do { try put(&state) } catch let error as StorageError {
            (state.waiting, state.waitingBytes) = ([:], 0)
            state.warn("\(error); the teacher's answers are not kept, and the run goes on")
        }
    }

    private func put(_ state: inout State) throws {
        // A directory that was made for others and may only be read keeps nothing.
        if FileSystem.kind(of: directory) == .directory, access(directory, W_OK | X_OK) != 0 {
            (state.waiting, state.waitingBytes) = ([:], 0)
            return
        }
        if state.folder == nil { state.folder = try SharedFolder(directory) }
        try Self.scan(directory, settings, &state) { _ in }
        let answers = state.waiting.filter { state.index[$0.key] == nil }.sorted { $0.key < $1.key }.map { (key: $0.key, answer: $0.value) }
        (state.waiting, state.waitingBytes) = ([:], 0)
        if answers.isEmpty { return }
        var name = ContentHash()
        for (key, _) in answers { name.combine(key) }
        let final = "\(directory)/answers-\(String(name.value, radix: 16)).h5", partial = SharedFolder.partial(final)
        do {
            try TeacherCacheFile.write(answers, settings, to: partial)
            try FileSystem.rename(partial, to: final)
            try FileSystem.syncDirectory(of: final)
        } catch {
            try? FileSystem.removeFile(partial)
            throw error
        }
        try Self.scan(directory, settings, &state) { _ in }
    }

    /// Takes in the files that are not known yet, in the order of their names.
    private static func scan(_ directory: String, _ settings: TeacherCacheSettings, _ state: inout State, damaged: (any Error) -> Void) throws {
        guard FileSystem.kind(of: directory) == .directory else { return }
        let known = Set(state.files)
        for name in try FileSystem.names(in: directory) where name.hasSuffix(".h5") {
            let path = "\(directory)/\(name)"
            if known.contains(path) { continue }
            var samples: [(key: UInt64, place: TeacherCacheFile.Place, checksum: Checksum)], made: TeacherCacheSettings
            do {
                let file = try SealedFile.open(path)
                (made, samples) = (try TeacherCacheSettings(file), [])
                if made.form.kind == settings.form.kind, made.vocabulary == settings.vocabulary { samples = try TeacherCacheFile.samples(file, settings) }
                try file.close()
            } catch {
                damaged(error)
                continue
            }
            let differences = settings.differences(from: made)
            guard differences.isEmpty else {
                throw HealError(
                    .configuration,
                    "\(path): its answers were made with other settings: \(differences.joined(separator: "; ")); set them back, or choose another `distillation.cache`")
            }
            for (key, place, checksum) in samples where state.index[key] == nil { state.index[key] = (state.files.count, place, checksum) }
            state.files.append(path)
        }
    }
}
