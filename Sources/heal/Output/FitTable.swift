import Models
import TensorTrain
import Trainer

/// Which legs the matrices of a model got and what they lose; alike ones share a row.
struct FitTable {
    private struct Kind: Hashable {
        var name: String
        var outFactors: [Int], inFactors: [Int]
    }

    private let table: TextTable

    func text(width: Int? = Terminal.lineWidth) -> String { table.text(width: width) }

    init(_ results: [Compressor.Result]) {
        var kinds: [Kind] = [], groups: [Kind: [Compressor.Result]] = [:]
        for result in results {
            let kind = Kind(
                name: result.name.split(separator: ".").last.map(String.init) ?? result.name, outFactors: result.layout.outFactors,
                inFactors: result.layout.inFactors)
            if groups[kind] == nil { kinds.append(kind) }
            groups[kind, default: []].append(result)
        }
        let order = LlamaNames.matrices.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        kinds.sort { (order.firstIndex(of: $0.name) ?? .max, groups[$1]!.count) < (order.firstIndex(of: $1.name) ?? .max, groups[$0]!.count) }
        var table = TextTable(header: ["matrix", "count", "legs", "bonds", "kept", "error", "on other rows", "low-rank", "tried", "seconds"])
        for kind in kinds {
            let group = groups[kind]!, fits = group.compactMap(\.fit)
            func mean(_ values: [Double]) -> String {
                values.isEmpty ? "" : HumanFormat.significant(values.reduce(0, +) / Double(values.count), digits: 3)
            }
            let bonds = group.map { $0.layout.bonds.dropFirst().dropLast().max() ?? 1 }, least = bonds.min() ?? 0, most = bonds.max() ?? 0
            let kept = HumanFormat.share(of: group.reduce(0) { $0 + $1.layout.parameterCount }, in: group.reduce(0) { $0 + $1.layout.denseCount })
            table.rows.append([
                kind.name, "\(group.count)", zip(kind.outFactors, kind.inFactors).map { "(\($0)x\($1))" }.joined(separator: " "),
                least == most ? "\(most)" : "\(least)-\(most)", kept, mean(fits.map(\.error)), mean(fits.map(\.heldError)),
                mean(fits.compactMap(\.lowRankError)), mean(fits.map { Double($0.tried) }), mean(fits.map(\.seconds)),
            ])
        }
        self.table = table
    }
}
