import Foundation
import Kernels
import Models
import Storage
import TensorTrain

/// Matrices that are decomposed but not yet in a checkpoint, one sealed file each, so that a run that is killed while it decomposes goes on where it was.
///
/// A file is used only for what its key says: the numbers, the layout or the search for one, the type, the calibration. Files appear whole (written,
/// sealed, renamed), but are not forced to the disk: one that a power failure tore apart has no valid seal, and its matrix is decomposed again.
package struct DecompositionCache: Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// What the cores of a matrix depend on.
    package struct Key: Sendable {
        let text: String

        init(_ text: String) { self.text = text }

        /// - Parameter matrix: the numbers that are decomposed.
        init(_ matrix: [Float], layout: MPOLayout, type: DType) {
            text = "TT-SVD 2, \(layout), \(type), crc32 \(matrix.withUnsafeBytes { Checksum(of: $0) }.text)"
        }
    }

    private func path(_ name: String) -> String { "\(directory)/\(name).h5" }

    /// The cores of the matrix `name`; nil where there are none for this key, or they are damaged.
    func load(_ name: String, _ key: Key, type: DType) -> DecompositionOutcome? {
        guard FileSystem.kind(of: path(name)) == .file, let file = try? SealedFile.open(path(name)) else { return nil }
        defer { try? file.close() }
        guard (try? file.stringAttribute("key", at: "/")) == key.text, let text = try? file.readText("result"),
            let result = try? JSONDecoder().decode(Compressor.Result.self, from: Data(text.utf8))
        else { return nil }
        var cores: [Tensor] = []
        for k in 0..<result.layout.cores {
            let core = Tensor(result.layout.coreShape(k), type)
            let bytes = UnsafeMutableRawBufferPointer(start: core.base, count: core.byteCount)
            guard (try? file.read("core_\(k)", into: bytes.bindMemory(to: UInt8.self))) != nil else { return nil }
            cores.append(core)
        }
        return DecompositionOutcome(result: result, cores: cores, wasCached: true)
    }

    func store(_ key: Key, _ outcome: DecompositionOutcome) throws {
        try FileSystem.createDirectory(directory)
        let final = path(outcome.result.name), temporary = final + ".partial"
        do {
            let file = try SealedFile.create(temporary)
            try file.setAttribute("key", key.text, at: "/")
            try file.writeText(CheckpointWriter.json(outcome.result), at: "result")
            for (k, core) in outcome.cores.enumerated() {
                try file.write(bytes: UnsafeRawBufferPointer(start: core.base, count: core.byteCount), as: UInt8.self, shape: [core.byteCount], at: "core_\(k)")
            }
            try file.close()
            try SealedFile.seal(temporary, syncing: false)
            try FileSystem.rename(temporary, to: final)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Removes the files: a checkpoint has the cores now. What cannot be removed stays; it is never taken for anything else.
    package func remove() {
        for name in (try? FileSystem.names(in: directory)) ?? [] where name.hasSuffix(".h5") || name.hasSuffix(".h5.partial") {
            try? FileSystem.removeFile("\(directory)/\(name)")
        }
        rmdir(directory)
    }
}
