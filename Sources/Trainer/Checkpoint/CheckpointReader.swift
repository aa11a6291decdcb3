import Basics
import Foundation
import HealData
import Kernels
import Models
import Storage
import TensorTrain

/// Reads a checkpoint: as a model for any command, and as a run to go on with.
package struct CheckpointReader: Sendable {
    package let path: String
    let file: HDF5File
    package let step: Int

    /// Opens and verifies the whole file.
    package init(_ path: String) throws {
        self.path = path
        file = try SealedFile.open(path)
        guard try file.stringAttribute("format", at: "/") == CheckpointWriter.format else {
            throw HealError(.checkpoint, "\(path): is an HDF5 file, but not a checkpoint of heal")
        }
        let version = try file.intAttribute("version", at: "/") ?? 0
        guard CheckpointWriter.versions.contains(version) else {
            throw StorageError(
                .unsupported, file: path, "has version \(version) of the format; this program reads up to version \(CheckpointWriter.versions.upperBound)")
        }
        guard try file.intAttribute("complete", at: "/") == 1 else { throw HealError(.checkpoint, "\(path): is incomplete") }
        step = try file.intAttribute("step", at: "/") ?? 0
        guard step >= 0 else { throw HealError(.checkpoint, "\(path): /@step: is \(step); the file is damaged") }
    }

    /// Opens a checkpoint after everything that a run goes on from has been read and found to be sound.
    package static func sound(_ path: String) throws -> CheckpointReader {
        let reader = try CheckpointReader(path)
        let moments = try reader.moments()
        try reader.file.verifyContents(moments.complaint)
        try moments.requireTensors(of: reader.model())
        _ = try (reader.progress(), reader.fingerprint(), reader.optimizerStep())
        return reader
    }

    /// The configuration the run had, as text.
    package func configurationText() throws -> String { try file.readText("config") }

    /// Where the run stands.
    ///
    /// - Throws: also where its counts are none, or contradict the file's own step.
    package func progress() throws -> RunProgress {
        let progress: RunProgress = try decode("run/progress")
        if let flaw = progress.step == step ? progress.flaw : "is at step \(progress.step), but the file at \(step)" {
            throw HealError(.checkpoint, "\(path): run/progress: \(flaw); the file is damaged")
        }
        return progress
    }

    package func fingerprint() throws -> DataFingerprint { try decode("run/data_fingerprint") }

    private func decode<T: Decodable>(_ place: String) throws -> T {
        let text = try file.readText(place)
        do { return try JSONDecoder.ofRecords().decode(T.self, from: Data(text.utf8)) } catch {
            throw HealError(.checkpoint, "\(path): \(place): \(error)")
        }
    }

    /// The model with its cores, tokenizer and template.
    package func model() throws -> OpenedModel {
        let text = try file.readText("model/config.json")
        guard let raw = try JSONValue.parse(text, file: path).object else {
            throw HealError(.checkpoint, "\(path): model/config.json is not an object")
        }
        let configuration = try LlamaConfiguration(huggingFace: raw, file: path)
        var layouts: [String: MPOLayout] = [:]
        for module in try file.children(of: "model/mpo") {
            let group = "model/mpo/\(module)"
            func integers(_ name: String) throws -> [Int] { try file.read("\(group)/\(name)", as: Int64.self).map { Int($0) } }
            let type = try file.stringAttribute("type", at: group), version = try file.intAttribute("version", at: group)
            guard type == "MPO", version == 1 else {
                let found = "\"\(type ?? "")\" of version \(version.map { "\($0)" } ?? "?")"
                throw HealError(.checkpoint, "\(path): \(group): is \(found); this program reads \"MPO\" of version 1")
            }
            do {
                layouts[module] = try MPOLayout(
                    outFactors: try integers("out_factors"), inFactors: try integers("in_factors"), bonds: try integers("bonds"))
            } catch let error as TensorTrainError { throw HealError(.checkpoint, "\(path): \(group): \(error)") }
            let cores = layouts[module]?.cores ?? 0, parts = ["out_factors", "in_factors", "bonds"] + (0..<cores).map { "core_\($0)" }
            if let other = try file.children(of: group).first(where: { !parts.contains($0) }) {
                throw HealError(.checkpoint, "\(path): \(group)/\(other): is no part of an MPO of \(cores) cores; the file is damaged")
            }
        }
        let source = try CheckpointWeights(file, layouts: layouts)
        let problems = try CompressedContents(configuration: configuration, layouts: layouts) { layouts[$0]!.coreShape($1) }.problems(in: source)
        guard problems.isEmpty else {
            throw HealError(.checkpoint, "\(path): configuration, cores and weights contradict each other:", details: problems.prefix(20).map { "  \($0)" })
        }
        var companions = CompanionFiles()
        for name in try file.children(of: "model/files") { companions.contents[name] = try file.read("model/files/\(name)", as: UInt8.self) }
        // Some tokenizers have their bos and eos in config.json alone.
        var files = companions
        files.contents["config.json"] = Array(text.utf8)
        let tokenizer = try TokenizerFiles.load(files.contents, origin: "\(path): model/files")
        return OpenedModel(
            path: path, configuration: configuration, source: source, layouts: layouts, companions: companions,
            tokenizer: tokenizer, chatTemplateSource: try ChatTemplateSource.read(companions),
            origin: try file.stringAttribute("dense_model", at: "model"))
    }
}

/// The tensors of a checkpoint under their names; cores are `M.cores.0`, ...
struct CheckpointWeights: WeightSource {
    private let file: HDF5File
    private let places: [String: String]

    init(_ file: HDF5File, layouts: [String: MPOLayout]) throws {
        self.file = file
        var places: [String: String] = [:]
        for name in try file.children(of: "model/tensors") { places[name] = "model/tensors/\(name)" }
        for (module, layout) in layouts {
            for k in 0..<layout.cores { places[ModelWeights.coreName(module, k)] = "model/mpo/\(module)/core_\(k)" }
        }
        self.places = places
    }

    var names: [String] { places.keys.sorted() }
    func contains(_ name: String) -> Bool { places[name] != nil }

    private func place(_ name: String) throws(StorageError) -> String {
        guard let place = places[name] else { throw StorageError(.missing, file: file.path, place: name, "the checkpoint has no such tensor") }
        return place
    }

    func shape(of name: String) throws(StorageError) -> [Int] { try file.shape(of: try place(name)) }

    func elementType(of name: String) throws(StorageError) -> ElementType {
        try file.stringAttribute("dtype", at: try place(name)) == "bfloat16" ? .bfloat16 : .float32
    }

    func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(StorageError) {
        let place = try place(name)
        if try elementType(of: name) == .float32 { return try file.read(place, into: target) }
        let bits = try file.read(place, as: UInt16.self)
        guard bits.count == target.count else { throw StorageError(.mismatch, file: file.path, place: place, "\(bits.count) values for \(target.count)") }
        for (i, b) in bits.enumerated() { target[i] = Float(bitPattern: UInt32(b) << 16) }
    }

    func readBFloat16(_ name: String, into target: UnsafeMutableBufferPointer<UInt16>) throws(StorageError) {
        let place = try place(name)
        guard try elementType(of: name) == .bfloat16 else {
            throw StorageError(.mismatch, file: file.path, place: place, "is stored in float32, not in bfloat16")
        }
        try file.read(place, into: target)
    }

    func mapped(_ name: String) -> UnsafeRawBufferPointer? { nil }
    func requireFinite(_ name: String) throws(StorageError) { try requireFinite(name, file: file.path) }
}
