import Basics
import Trainer

extension Holding {
    /// Everything `text` says, for scripts. Sizes are in bytes.
    func json(tensors listsTensors: Bool) throws -> JSONValue {
        let c = configuration
        var members: [String: JSONValue] = [
            "path": .string(path), "kind": .string(kind.rawValue), "bytes_on_disk": .int(bytesOnDisk),
            "configuration": c.huggingFaceConfiguration(dtype: c.dtype ?? "float32"),
            "parameters": .int(parameters), "dense_parameters": .int(denseParameters), "ratio": .double(Double(parameters) / Double(denseParameters)),
            "size": .object(Dictionary(uniqueKeysWithValues: Self.sizes.map { ($0.0, .int(size(bits: $0.1))) })),
            "stored_types": .object(Dictionary(uniqueKeysWithValues: types.map { ($0.type, .int($0.tensors)) })),
            "matrices": .array(entries.map(Self.json)),
        ]
        if let tokenizer {
            members["tokenizer"] = [
                "vocabulary_size": .int(tokenizer.vocabularySize), "bos_token_id": Self.json(tokenizer.special.bos),
                "eos_token_id": Self.json(tokenizer.special.eos), "chat_template": templateName.map { .string($0) } ?? .null,
            ]
        }
        if let progress {
            func result(_ found: EvaluationResult?) -> JSONValue {
                guard let found else { return .null }
                return ["loss": .double(found.loss), "rows": .int(found.rows), "tokens": .int(found.tokens)]
            }
            members["run"] = [
                "step": .int(progress.step), "total_steps": .int(progress.totalSteps), "tokens": .int(progress.tokens),
                "trained_tokens": .int(progress.trainedTokens), "seconds": .double(progress.seconds), "dense": result(progress.dense),
                "truncated": result(progress.truncated), "healing": result(progress.latest),
            ]
        }
        if listsTensors {
            members["tensors"] = .array(tensors.map { tensor in
                ["name": .string(tensor.name), "type": .string(tensor.type), "shape": .array(tensor.shape.map { .int($0) })]
            })
        }
        return .object(members)
    }

    private static func json(_ id: Int32?) -> JSONValue { id.map { .int(Int($0)) } ?? .null }

    private static func json(_ entry: CompressionPlan.Entry) -> JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(entry.name), "shape": [.int(entry.out), .int(entry.in)], "parameters": .int(entry.parameterCount),
        ]
        if let layout = entry.layout {
            func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .int($0) }) }
            members["out_factors"] = list(layout.outFactors)
            members["in_factors"] = list(layout.inFactors)
            members["bonds"] = list(layout.bonds)
        }
        return .object(members)
    }
}
