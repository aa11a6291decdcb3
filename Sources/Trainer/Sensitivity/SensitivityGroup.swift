import Models

/// What is compressed together while everything else stays dense.
package enum SensitivityGrouping: String, Sendable, CaseIterable {
    /// Each matrix of each block on its own.
    case matrix
    /// All matrices of a kind, such as every q_proj.
    case kind
    /// All matrices of a block.
    case block
}

/// A line of the profile: some matrices of a model.
struct SensitivityGroup: Sendable {
    /// `model.layers.3.mlp.down_proj`, `down_proj` or `model.layers.3`.
    let name: String
    /// `down_proj`; nil for a whole block.
    let kind: String?
    /// nil for a kind in all blocks.
    let block: Int?
    /// In the order of the model.
    let entries: [CompressionPlan.Entry]

    var blocks: [Int] { entries.compactMap { LayerRanges.layer(of: $0.name) } }
    var firstBlock: Int { blocks.first ?? 0 }
    var lastBlock: Int { blocks.last ?? 0 }
    var denseCount: Int { entries.reduce(0) { $0 + $1.denseCount } }

    /// The first matrices of the group that rows come to in its first block.
    var firstStep: BlockStep {
        BlockStep.allCases.first { step in step.matrices.contains { matrix in entries.contains { $0.name == "\(LlamaNames.block(firstBlock)).\(matrix)" } } } ?? .attention
    }

    /// The groups of a model's matrices, in the order of the model.
    static func groups(_ entries: [CompressionPlan.Entry], by grouping: SensitivityGrouping) -> [SensitivityGroup] {
        func kind(_ entry: CompressionPlan.Entry) -> String { entry.name.split(separator: ".").last.map(String.init) ?? entry.name }
        var order: [String] = [], members: [String: [CompressionPlan.Entry]] = [:]
        for entry in entries {
            let name =
                switch grouping {
                case .matrix: entry.name
                case .kind: kind(entry)
                case .block: LlamaNames.block(LayerRanges.layer(of: entry.name) ?? 0)
                }
            if members[name] == nil { order.append(name) }
            members[name, default: []].append(entry)
        }
        return order.map { name in
            let entries = members[name]!
            return SensitivityGroup(
                name: name, kind: grouping == .block ? nil : kind(entries[0]), block: grouping == .kind ? nil : LayerRanges.layer(of: entries[0].name), entries: entries)
        }
    }

    /// The matrices at a share of their parameters, with the legs that the plan gives them.
    func resized(keep: Double) throws -> [CompressionPlan.Entry] {
        try entries.map { entry in
            do { return try entry.resized(to: Int(keep * Double(entry.denseCount))) } catch {
                throw HealError(.configuration, "\(entry.name) cannot keep \(HumanFormat.significant(100 * keep, digits: 3)) % of its parameters: \(error)")
            }
        }
    }
}
