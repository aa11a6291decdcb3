import Trainer

extension Holding {
    func text(tensors listsTensors: Bool) throws -> String {
        let c = configuration
        var pairs: [(name: String, text: String)] = [
            ("what", "\(kind.rawValue), \(HumanFormat.bytes(bytesOnDisk)) on disk"),
            (
                "model",
                "\(c.family.rawValue), \(c.layers) blocks, hidden \(c.hiddenSize), MLP \(c.intermediateSize), \(c.heads) heads of \(c.headDimension)"
                    + (c.kvHeads == c.heads ? "" : " (\(c.kvHeads) for keys and values)")
            ),
            ("vocabulary", "\(HumanFormat.grouped(c.vocabularySize))" + (c.tiesWordEmbeddings ? ", head tied to the embedding" : "")),
            (
                "context",
                "\(HumanFormat.grouped(c.maximumPositions))" + (c.slidingWindow.map { ", attention within \(HumanFormat.grouped($0))" } ?? "")
            ),
            ("rope", "theta \(plain(c.ropeTheta))" + ropeScalingText),
            ("tokenizer", tokenizerText),
            ("stored as", types.map { "\($0.type) (\($0.tensors) \($0.tensors == 1 ? "tensor" : "tensors"))" }.joined(separator: ", ")),
        ]
        pairs += progressPairs
        pairs += [
            ("parameters", parametersText),
            ("size", Self.sizes.map { "\($0.0) \(HumanFormat.bytes(size(bits: $0.1)))" }.joined(separator: ", ")),
        ]
        var text = path + "\n" + JobText.lines(pairs) + "\n\n" + MatrixTable(entries).text()
        if listsTensors {
            let rows = tensors.map { [$0.name, $0.type, $0.shape.map(String.init).joined(separator: "x"), HumanFormat.grouped($0.count)] }
            text += "\n\n" + TextTable(header: ["tensor", "type", "shape", "parameters"], rows: rows).text(width: Terminal.lineWidth)
        }
        return text
    }

    private var parametersText: String {
        if layouts.isEmpty { return HumanFormat.grouped(parameters) }
        return "\(HumanFormat.grouped(parameters)), \(parameters > denseParameters ? "more than" : "\(HumanFormat.share(of: parameters, in: denseParameters)) of") the dense model's "
            + "\(HumanFormat.grouped(denseParameters)); \(layouts.count) of \(entries.count) matrices are compressed"
    }

    private var tokenizerText: String {
        guard let tokenizer else { return "none" }
        func role(_ name: String, _ id: Int32?) -> String { id.map { ", \(name) \($0) \(tokenizer.token($0) ?? "")" } ?? "" }
        let template = templateSource == nil ? "no chat template" : templateName.map { "chat template \($0)" } ?? "a chat template that cannot be run"
        return "\(HumanFormat.grouped(tokenizer.vocabularySize)) tokens\(role("bos", tokenizer.special.bos))\(role("eos", tokenizer.special.eos)); \(template)"
    }

    private func plain(_ number: Double) -> String { Int(exactly: number).map(HumanFormat.grouped) ?? HumanFormat.significant(number) }

    private var ropeScalingText: String {
        switch configuration.ropeScaling {
        case .none: ""
        case .linear(let factor): ", scaled linearly by \(HumanFormat.significant(factor))"
        case .llama3(let factor, _, _, let original): ", scaled as Llama 3.1 does by \(HumanFormat.significant(factor)) from \(HumanFormat.grouped(original))"
        case .yarn(let factor, let original, _, _, _, _): ", scaled by YaRN by \(HumanFormat.significant(factor)) from \(HumanFormat.grouped(original))"
        }
    }

    private var progressPairs: [(name: String, text: String)] {
        guard let progress else { return [] }
        var pairs = [
            (
                "step",
                "\(HumanFormat.grouped(progress.step)) of \(HumanFormat.grouped(progress.totalSteps)), \(HumanFormat.grouped(progress.tokens)) tokens, "
                    + "\(HumanFormat.duration(progress.seconds))"
            )
        ]
        let found = [("dense", progress.dense), ("truncated", progress.truncated), ("healing", progress.latest)].compactMap { name, result in
            result.map { "\(name) \(HumanFormat.significant($0.perplexity))" }
        }
        if !found.isEmpty { pairs.append(("perplexity", found.joined(separator: ", ") + " (held-back rows)")) }
        return pairs
    }
}
