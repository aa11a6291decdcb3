import Models
import TensorTrain
import Trainer

/// The matrices of a model in few lines: alike ones of neighbouring blocks share one.
struct MatrixTable {
    /// One matrix, or several that are alike.
    struct Group {
        /// `q_proj` and its like.
        var kind: String
        var blocks: [Int]
        var entry: CompressionPlan.Entry
        /// Relative errors of the group's matrices, where they are known.
        var errors: [Double] = []

        /// `0-3,7`.
        var blockRanges: String {
            var text = "", index = 0
            while index < blocks.count {
                let first = index
                while index + 1 < blocks.count, blocks[index + 1] == blocks[index] + 1 { index += 1 }
                if !text.isEmpty { text += "," }
                text += first == index ? "\(blocks[first])" : "\(blocks[first])-\(blocks[index])"
                index += 1
            }
            return text
        }
    }

    let groups: [Group]

    /// - Parameters:
    ///   - errors: relative errors by the matrix's name.
    init(_ entries: [CompressionPlan.Entry], errors: [String: Double] = [:]) {
        struct Key: Hashable {
            var kind: String, out: Int, input: Int
            var layout: MPOLayout?
            var searchesLegs: Bool
        }
        var places: [Key: Int] = [:]
        var groups: [Group] = []
        for entry in entries {
            let parts = entry.name.split(separator: ".")
            let key = Key(kind: parts.last.map(String.init) ?? entry.name, out: entry.out, input: entry.in, layout: entry.layout, searchesLegs: entry.searchesLegs)
            let place = places[key] ?? groups.count
            if place == groups.count {
                places[key] = place
                groups.append(Group(kind: key.kind, blocks: [], entry: entry))
            }
            if let block = parts.compactMap({ Int($0) }).first { groups[place].blocks.append(block) }
            if let error = errors[entry.name] { groups[place].errors.append(error) }
        }
        let order = Dictionary(LlamaNames.matrices.enumerated().map { (String($1.split(separator: ".").last ?? ""), $0) }) { first, _ in first }
        self.groups = groups.enumerated().sorted {
            (order[$0.element.kind] ?? .max, $0.offset) < (order[$1.element.kind] ?? .max, $1.offset)
        }.map(\.element)
    }

    /// - Parameters:
    ///   - contraction: how a matrix is contracted, where that is to be shown.
    ///   - seconds: predicted time of one matrix, forward and backward, where that is to be shown.
    func text(contraction: ((MPOLayout) -> ContractionPlan)? = nil, seconds: ((CompressionPlan.Entry) -> Double)? = nil) -> String {
        let hasErrors = groups.contains { !$0.errors.isEmpty }
        var table = TextTable(header: ["matrix", "blocks", "shape", "cores and bonds", "parameters", "kept"])
        if contraction != nil { table.header.append("contraction") }
        if seconds != nil { table.header.append("a pass") }
        if hasErrors { table.header += ["mean error", "largest"] }
        for group in groups {
            let entry = group.entry, count = group.blocks.count
            var row = [
                group.kind, group.blockRanges, "\(entry.out)x\(entry.in)", (entry.layout?.coresText ?? "dense") + (entry.searchesLegs ? " or better" : ""),
                (count > 1 ? "\(count) x " : "") + HumanFormat.grouped(entry.parameterCount),
                HumanFormat.share(of: entry.parameterCount, in: entry.denseCount),
            ]
            if let contraction { row.append(entry.layout.map { contraction($0).description } ?? "") }
            if let seconds { row.append((count > 1 ? "\(count) x " : "") + HumanFormat.significant(1000 * seconds(entry), digits: 3) + " ms") }
            if hasErrors {
                let mean = group.errors.reduce(0, +) / Double(max(1, group.errors.count))
                row += group.errors.isEmpty ? ["", ""] : [HumanFormat.significant(mean, digits: 3), HumanFormat.significant(group.errors.max() ?? 0, digits: 3)]
            }
            table.rows.append(row)
        }
        return table.text(width: Terminal.lineWidth)
    }
}

extension MPOLayout {
    /// `(24x32)-[188]-(24x48)`: the legs (out x in) of each core, and the bonds between.
    var coresText: String {
        (0..<cores).map { core in (core > 0 ? "-[\(bonds[core])]-" : "") + "(\(outFactors[core])x\(inFactors[core]))" }.joined()
    }
}
