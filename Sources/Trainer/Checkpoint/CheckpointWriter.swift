import Basics
import Foundation
import HealData
import Kernels
import Models
import Storage

/// Writes everything a run is into one HDF5 file. docs/checkpoint-format.md names every group.
package struct CheckpointWriter {
    package static let format = "heal-checkpoint"
    /// Versions that can be read. Version 2 has cores in bf16 or moments in 8 bits, version 3 the best evaluation of the run; a file without them is written as
    /// version 1.
    package static let versions = 1...3

    let configuration: Configuration
    let opened: OpenedModel
    let model: LlamaModel
    let optimizer: AdamWOptimizer
    let progress: RunProgress
    let fingerprint: DataFingerprint

    /// About what the file will take, for a check of the free space.
    var expectedBytes: Int {
        let tensors = model.weights.tensors.values.reduce(0) { $0 + $1.byteCount } + optimizer.moments.reduce(0) { $0 + $1.byteCount }
        let datasets = model.weights.tensors.count + 2 * model.trained.count + 3 * model.weights.layouts.count
        let companions = opened.companions.contents.values.reduce(0) { $0 + $1.count }
        return tensors + companions + datasets * CheckpointSize.overhead.dataset + CheckpointSize.overhead.file
    }

    func write(to file: HDF5File) throws {
        try file.setAttribute("format", Self.format, at: "/")
        try file.setAttribute("version", version, at: "/")
        try file.setAttribute("step", progress.step, at: "/")
        try file.writeText(configuration.canonicalText, at: "config")

        try file.createGroup("model")
        if let dense = opened.densePath { try file.setAttribute("dense_model", dense, at: "model") }
        try file.writeText(model.configuration.huggingFaceConfiguration(dtype: "float32").text(indented: true), at: "model/config.json")
        try file.createGroup("model/tensors")
        try file.createGroup("model/mpo")
        let weights = model.weights
        for (module, layout) in weights.layouts.sorted(by: { $0.key < $1.key }) {
            let group = "model/mpo/\(module)"
            try file.createGroup(group)
            try file.setAttribute("type", "MPO", at: group)
            try file.setAttribute("version", 1, at: group)
            try file.write(layout.outFactors.map(Int64.init), at: "\(group)/out_factors")
            try file.write(layout.inFactors.map(Int64.init), at: "\(group)/in_factors")
            try file.write(layout.bonds.map(Int64.init), at: "\(group)/bonds")
            for (k, name) in weights.coreNames(module).enumerated() { try write(weights.tensors[name]!, at: "\(group)/core_\(k)", file) }
        }
        let cores = Set(weights.layouts.keys.flatMap(weights.coreNames))
        for name in weights.names where !cores.contains(name) { try write(weights.tensors[name]!, at: "model/tensors/\(name)", file) }
        try file.createGroup("model/files")
        for (name, bytes) in opened.companions.contents.sorted(by: { $0.key < $1.key }) { try file.write(bytes, at: "model/files/\(name)") }

        try file.createGroup("optimizer")
        try file.setAttribute("type", optimizer.precision.rawValue, at: "optimizer")
        try file.setAttribute("version", 1, at: "optimizer")
        try file.setAttribute("step", optimizer.step, at: "optimizer")
        for (i, name) in model.trained.enumerated() {
            switch optimizer.moments[i] {
            case .wide(let m, let v):
                try write(m, at: "optimizer/m/\(name)", file)
                try write(v, at: "optimizer/v/\(name)", file)
            case .blockwise(let moments):
                for (group, codes, scale) in [("m", moments.m, moments.mScale), ("v", moments.v, moments.vScale)] {
                    try file.write(bytes: UnsafeRawBufferPointer(codes), as: UInt8.self, shape: [codes.count], at: "optimizer/\(group)/\(name)")
                    try write(scale, at: "optimizer/\(group)_scale/\(name)", file)
                }
            }
        }
        try file.writeText(Self.json(progress), at: "run/progress")
        try file.writeText(Self.json(fingerprint), at: "run/data_fingerprint")
        try file.setAttribute("complete", 1, at: "/")
    }

    private var version: Int {
        if progress.best != nil { return 3 }
        return optimizer.precision == .blockwise || model.trained.contains { model.weights.tensors[$0]!.dtype == .bf16 } ? 2 : 1
    }

    private func write(_ tensor: Tensor, at place: String, _ file: HDF5File) throws {
        let bytes = UnsafeRawBufferPointer(start: tensor.base, count: tensor.byteCount)
        switch tensor.dtype {
        case .f32: try file.write(bytes: bytes, as: Float.self, shape: tensor.shape, at: place)
        case .f64: try file.write(bytes: bytes, as: Double.self, shape: tensor.shape, at: place)
        case .bf16:
            try file.write(bytes: bytes, as: UInt16.self, shape: tensor.shape, at: place)
            try file.setAttribute("dtype", "bfloat16", at: place)
        }
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder.ofRecords([.sortedKeys, .prettyPrinted])
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
