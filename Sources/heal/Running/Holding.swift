import Basics
import Foundation
import HealData
import Models
import Storage
import TensorTrain
import Trainer

/// What lies at a path: the shapes of a model, where its run stands, and what it takes.
struct Holding {
    enum Kind: String {
        case huggingFace = "Hugging Face directory"
        case gguf = "GGUF file"
        case checkpoint
        case mpo = "mpo export"
    }

    struct StoredTensor {
        var name: String
        var type: String
        var shape: [Int]
        var count: Int { shape.reduce(1, *) }
    }

    let kind: Kind
    let path: String
    let configuration: LlamaConfiguration
    let layouts: [String: MPOLayout]
    let tensors: [StoredTensor]
    let tokenizer: (any Tokenizer)?
    let templateSource: String?
    /// Of a checkpoint.
    let progress: RunProgress?
    /// Bytes of the file, or of the weights' files.
    let bytesOnDisk: Int

    init(_ path: String) throws {
        try OpenedModel.requireSomething(at: path)
        if let checkpoint = try OpenedModel.checkpointPath(path, skipped: Console.warnOfSkipped) {
            let reader = try CheckpointReader(checkpoint)
            try self.init(.checkpoint, try reader.model(), progress: try reader.progress())
        } else if MPOExport.isExport(path) {
            try self.init(.mpo, try MPOExport.open(path), progress: nil)
        } else {
            let files = try ModelFiles.open(path)
            Console.warn(files.warnings)
            if case .none = files.tokenizer {
                try self.init(files)
            } else {
                let isGGUF = FileSystem.kind(of: path) == .file || FileSystem.kind(of: path + "/config.json") == nil
                try self.init(isGGUF ? .gguf : .huggingFace, try OpenedModel.open(path), progress: nil)
            }
        }
    }

    private init(_ kind: Kind, _ opened: OpenedModel, progress: RunProgress?) throws {
        self.kind = kind
        path = opened.path
        configuration = opened.configuration
        layouts = opened.layouts
        tensors = try Self.tensors(opened.source)
        tokenizer = opened.tokenizer
        templateSource = opened.chatTemplateSource
        self.progress = progress
        bytesOnDisk = Self.bytes(opened.path)
    }

    /// A model without a tokenizer beside it.
    private init(_ files: ModelFiles) throws {
        kind = FileSystem.kind(of: files.path + "/config.json") == nil ? .gguf : .huggingFace
        path = files.path
        configuration = files.configuration
        layouts = [:]
        tensors = try Self.tensors(files.weights)
        (tokenizer, templateSource, progress) = (nil, nil, nil)
        bytesOnDisk = Self.bytes(files.path)
    }

    private static func tensors(_ source: any WeightSource) throws -> [StoredTensor] {
        try source.names.map { StoredTensor(name: $0, type: try source.elementType(of: $0).name, shape: try source.shape(of: $0)) }
    }

    private static func bytes(_ path: String) -> Int {
        func size(_ path: String) -> Int { FileSystem.identity(of: path)?.bytes ?? 0 }
        guard FileSystem.kind(of: path) == .directory, let names = try? FileSystem.names(in: path) else { return size(path) }
        return names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") }.reduce(0) { $0 + size(path + "/" + $1) }
    }

    // MARK: What follows from it

    /// The matrices, dense or compressed.
    var entries: [CompressionPlan.Entry] {
        LlamaNames.matrixShapes(configuration).map { CompressionPlan.Entry(name: $0.name, out: $0.out, in: $0.in, layout: layouts[$0.name]) }
    }

    var denseParameters: Int { configuration.expectedWeights().reduce(0) { $0 + $1.shape.reduce(1, *) } }
    var parameters: Int { denseParameters + entries.reduce(0) { $0 + $1.parameterCount - $1.denseCount } }

    /// Names of stored types with how many tensors have them, the most frequent first.
    var types: [(type: String, tensors: Int)] {
        Dictionary(grouping: tensors, by: \.type).map { ($0.key, $0.value.count) }.sorted { ($1.tensors, $0.type) < ($0.tensors, $1.type) }
    }

    /// Bytes of all parameters in a type of so many bits, without scales.
    func size(bits: Int) -> Int { (parameters * bits + 7) / 8 }
    static let sizes = [("fp32", 32), ("fp16", 16), ("int8", 8), ("int4", 4)]

    /// The known chat template that the model's is equal to, `own` if it is run as it is, nothing if there is none or it cannot be run.
    var templateName: String? {
        guard let templateSource, let template = try? ChatTemplate.resolve(jinja: templateSource) else { return nil }
        return template.name?.rawValue ?? "own"
    }
}
