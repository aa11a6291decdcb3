import Autograd
import Foundation
import HealData
import Kernels
import Models
import Storage

/// The model a student learns from: dense and frozen.
package struct Teacher: Sendable {
    package let model: LlamaModel
    /// What tells it from another: of shapes and of samples of all weights as they are stored, so that it does not depend on the machine.
    package let checksum: Checksum

    /// Reads a teacher for `student`. Tensors that both hold with the same bytes (embedding, head, norms, matrices left dense) are the student's own; of the
    /// others only the form that enters products is kept, mapped where the file has it.
    ///
    /// - Precondition: `check` has nothing against it.
    package init(_ opened: OpenedModel, of student: LlamaModel) throws {
        var weights = ModelWeights(), checksum = Checksum()
        let expected = opened.configuration.expectedWeights()
        let reads = expected.reduce(0) { $0 + $1.shape.reduce(1, *) } * student.compute.size > LlamaModel.heldLimit
        for (name, _) in expected {
            let stored = try opened.denseTensor(name)
            checksum.add(sampleOf: stored, name: name)
            let held = LlamaModel.frozenForm(name, stored, student.compute, readsLent: reads)
            if let own = student.frozenTensor(name), own.hasSameBytes(as: held) { weights.tensors[name] = own } else { weights.tensors[name] = held }
        }
        model = LlamaModel(opened.configuration, weights, compute: student.compute, longestContext: student.longestContext)
        self.checksum = checksum
    }

    /// The checksum of a teacher that need not be in memory.
    package static func checksum(_ opened: OpenedModel) throws -> Checksum {
        var checksum = Checksum()
        for (name, _) in opened.configuration.expectedWeights() { checksum.add(sampleOf: try opened.denseTensor(name), name: name) }
        return checksum
    }

    /// Throws where one model cannot teach the other: it speaks of other tokens, or is made for shorter samples.
    package static func check(_ opened: OpenedModel, of student: OpenedModel, longestContext: Int) throws {
        try opened.configuration.checkContext(longestContext, file: opened.path)
        let (its, own) = (opened.configuration.vocabularySize, student.configuration.vocabularySize)
        guard its == own else {
            throw HealError(.model, "\(opened.path): the teacher has \(its) tokens and the model \(own); `distillation.teacher` needs a model with the same tokenizer")
        }
        let (a, b) = (student.tokenizer, opened.tokenizer)
        let tokens = Int32(clamping: max(a.vocabularySize, b.vocabularySize))
        if let other = (0..<tokens).first(where: { a.decode([$0], skipSpecial: false) != b.decode([$0], skipSpecial: false) }) {
            throw HealError(.model, "\(opened.path): token \(other) is another one than the model's; `distillation.teacher` needs a model with the same tokenizer")
        }
    }
}

extension OpenedModel {
    /// A tensor of the dense model; a compressed matrix is formed from its cores, in float32.
    func denseTensor(_ name: String) throws -> Tensor {
        let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
        guard let layout = layouts[module] else { return try tensor(name) }
        let cores = try (0..<layout.cores).map { Elementwise.convert(try tensor(ModelWeights.coreName(module, $0)), to: .f32) }
        return DenseForm(layout).dense(cores, type: .f32)
    }
}

extension Tensor {
    fileprivate func hasSameBytes(as other: Tensor) -> Bool {
        shape == other.shape && dtype == other.dtype && memcmp(base, other.base, byteCount) == 0
    }
}

extension Checksum {
    /// The name, the shape, and up to 4 KiB at each of the tensor's beginning, middle and end.
    fileprivate mutating func add(sampleOf tensor: Tensor, name: String) {
        Array("\(name) \(tensor.dtype) \(tensor.shape);".utf8).withUnsafeBytes { add($0) }
        let bytes = tensor.byteCount, length = min(bytes, 4096)
        for start in [0, (bytes - length) / 2, bytes - length] {
            add(UnsafeRawBufferPointer(start: tensor.base + start, count: length))
        }
    }
}
