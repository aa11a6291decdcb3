import Basics
import Foundation
import Kernels
import Models
import Storage
import Synchronization
import TensorTrain

/// Decomposed matrices, one sealed file each: a run that is killed while it decomposes goes on where it was, and runs that differ in other things than
/// the decomposition can share it.
///
/// A file is used only for what its key says: the numbers, the layout or the search for one, the type, the calibration. Files appear whole (written,
/// sealed, renamed), but are not forced to the disk: one that a power failure tore apart has no valid seal, and its matrix is decomposed again.
///
/// A cache that cannot be written ends no work: its first failure is kept, and nothing more is stored.
package final class DecompositionCache: Sendable {
    package let directory: String
    /// Whether the files outlive the run that made them.
    package let isShared: Bool
    private let writing = Mutex(Writing())

    private struct Writing {
        var folder: SharedFolder?
        var failure: (any Error)?
    }

    package init(directory: String, isShared: Bool = false) {
        self.directory = directory
        self.isShared = isShared
    }

    /// What the cores of a matrix depend on.
    package struct Key: Sendable {
        let text: String

        init(_ text: String) { self.text = text }

        /// - Parameter matrix: the numbers that are decomposed.
        init(_ matrix: [Float], layout: MPOLayout, type: DType) {
            text = "TT-SVD 2, \(layout), \(type), crc32 \(matrix.withUnsafeBytes { Checksum(of: $0) }.text)"
        }
    }

    /// Where the cores of the matrix `name` are kept.
    func path(_ name: String, _ key: Key) -> String {
        // The key in the name keeps decompositions in several ways side by side.
        isShared ? "\(directory)/\(name)-\(Checksum(of: key.text).text).h5" : "\(directory)/\(name).h5"
    }

    /// The cores of the matrix `name`; nil where there are none for this key, or they are damaged.
    ///
    /// - Parameter shape: rows and columns of the matrix, which the cores must be of.
    func load(_ name: String, _ key: Key, type: DType, shape: (out: Int, in: Int)? = nil) -> DecompositionOutcome? {
        guard let file = open(name, key) else { return nil }
        defer { try? file.close() }
        guard let text = try? file.readText("result"), let result = try? JSONDecoder.ofRecords().decode(Compressor.Result.self, from: Data(text.utf8)),
            shape.map({ $0 == (result.layout.rows, result.layout.columns) }) ?? true
        else { return nil }
        var cores: [Tensor] = []
        for k in 0..<result.layout.cores {
            // Memory is taken for what the file holds, not for what it claims.
            guard (try? file.shape(of: "core_\(k)")) == [result.layout.coreCount(k) * type.size] else { return nil }
            let core = Tensor(result.layout.coreShape(k), type)
            let bytes = UnsafeMutableRawBufferPointer(start: core.base, count: core.byteCount)
            guard (try? file.read("core_\(k)", into: bytes.bindMemory(to: UInt8.self))) != nil else { return nil }
            cores.append(core)
        }
        return DecompositionOutcome(result: result, cores: cores, wasCached: true)
    }

    /// - Parameter name: what it is stored under; the matrix's own name by default.
    func store(_ key: Key, _ outcome: DecompositionOutcome, as name: String? = nil) {
        write(name ?? outcome.result.name, key) { file in
            try file.writeText(CheckpointWriter.json(outcome.result), at: "result")
            for (k, core) in outcome.cores.enumerated() {
                try file.write(bytes: UnsafeRawBufferPointer(start: core.base, count: core.byteCount), as: UInt8.self, shape: [core.byteCount], at: "core_\(k)")
            }
        }
    }

    /// How many of these matrices have a file here.
    func count(of names: [String]) -> Int {
        let files = (try? FileSystem.names(in: directory)) ?? []
        guard isShared else { return Set(names.map { $0 + ".h5" }).intersection(files).count }
        // The checksum of a key is eight digits.
        let found = Set(files.filter { $0.hasSuffix(".h5") }.map { String($0.dropLast(12)) })
        return Set(names).intersection(found).count
    }

    /// Why nothing is stored any more; nil as long as everything is.
    package var failure: (any Error)? { writing.withLock { $0.failure } }

    /// The same, with what it means.
    package var warning: String? {
        failure.map { "\($0). What is decomposed from there on is not kept in \(directory); the work goes on, and is done again after a kill" }
    }

    private func write(_ name: String, _ key: Key, _ contents: (HDF5File) throws -> Void) {
        if failure != nil { return }
        do {
            try prepare()
            let final = path(name, key), temporary = SharedFolder.partial(final)
            do {
                let file = try SealedFile.create(temporary)
                try file.setAttribute("key", key.text, at: "/")
                try contents(file)
                try file.close()
                try SealedFile.seal(temporary, syncing: false)
                try FileSystem.rename(temporary, to: final)
            } catch {
                truncate(temporary, 0)
                unlink(temporary)
                throw error
            }
        } catch {
            writing.withLock { if $0.failure == nil { $0.failure = error } }
        }
    }

    /// Makes the directory, and removes what killed processes left unfinished in it.
    private func prepare() throws(StorageError) {
        try writing.withLock { (writing) throws(StorageError) in
            if writing.folder == nil { writing.folder = try SharedFolder(directory) }
        }
    }

    /// A sound file for this key.
    private func open(_ name: String, _ key: Key) -> HDF5File? {
        let path = path(name, key)
        guard FileSystem.kind(of: path) == .file, let file = try? SealedFile.open(path) else { return nil }
        return (try? file.stringAttribute("key", at: "/")) == key.text ? file : nil
    }

    /// Something that was found out about a whole model; nil where there is nothing for this key, or it is damaged.
    func load<Value: Decodable>(_ name: String, _ key: Key, as _: Value.Type) -> Value? {
        guard let file = open(name, key) else { return nil }
        defer { try? file.close() }
        guard let text = try? file.readText("value") else { return nil }
        return try? JSONDecoder.ofRecords().decode(Value.self, from: Data(text.utf8))
    }

    func store(_ name: String, _ key: Key, _ value: some Encodable) {
        write(name, key) { try $0.writeText(CheckpointWriter.json(value), at: "value") }
    }

    /// Removes the files unless they are shared: a checkpoint has the cores now.
    package func remove() { if !isShared { clear() } }

    /// Removes the files. What is stored afterwards makes the directory again; what cannot be removed stays, and is never taken for anything else.
    func clear() {
        writing.withLock { $0.folder = nil }
        for name in (try? FileSystem.names(in: directory)) ?? [] where name.hasSuffix(".h5") || SharedFolder.isPartial(name) || name == SharedFolder.lockName {
            try? FileSystem.removeFile("\(directory)/\(name)")
        }
        rmdir(directory)
    }
}
