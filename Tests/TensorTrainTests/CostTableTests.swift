import Foundation
import Testing

@testable import TensorTrain

/// The tables of docs/mpo.md, computed from the cost functions. When one differs, the failure prints what belongs there.
@Suite struct CostTableTests {
    private static let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../docs/mpo.md")

    private func expectInDocument(_ table: [String]) throws {
        let text = try String(contentsOf: Self.document, encoding: .utf8)
        let wanted = table.joined(separator: "\n") + "\n"
        #expect(text.contains(wanted), "docs/mpo.md lacks this table:\n\(wanted)")
    }

    /// Operations of one token's forward pass core by core, in the cheaper order, relative to the dense product.
    private func chain(_ layout: MPOLayout) -> Double {
        let orders = CoreChain.Order.allCases.map {
            ContractionPlan.coreByCore($0).forwardCost(layout, tokens: 1).flops
        }
        return orders.min()! / ContractionPlan.denseCost(layout, tokens: 1).flops
    }

    /// Operations of a training step (forward and backward) with rebuilding, relative to a dense layer's.
    private func step(_ layout: MPOLayout, tokens: Int, shared: Int) -> Double {
        let plan = ContractionPlan.rebuild
        let cost =
            plan.forwardCost(layout, tokens: tokens, rebuildsShared: shared).flops
            + plan.backwardCost(layout, tokens: tokens, rebuildsShared: shared).flops
        return cost / (3 * ContractionPlan.denseCost(layout, tokens: tokens).flops)
    }

    private func text(_ number: Double) -> String {
        String(format: number < 10 ? "%.2f" : "%.1f", number)
    }

    private func factors(_ layout: MPOLayout) -> String {
        zip(layout.outFactors, layout.inFactors).map { "\($0)x\($1)" }.joined(separator: " ")
    }

    @Test func coresTable() throws {
        var lines = [
            "| width | kept | cores | factors o_k x i_k | widest bond | core by core | step, 512 | step, 2048 | step, 8 x 2048 |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for width in [576, 2048, 4096] {
            for keep in [0.3, 0.5] {
                for cores in 1...5 {
                    let layout = try MPOLayout.balanced(
                        out: width, in: width, cores: cores, limit: cores == 1 ? .exact : .keep(keep))
                    var row = "| \(width) | \(cores == 1 ? "100 %" : "\(Int(keep * 100)) %") | \(cores) | \(factors(layout)) | "
                    row += "\(layout.bonds.max()!) | \(text(chain(layout))) | \(text(step(layout, tokens: 512, shared: 1))) | "
                    row += "\(text(step(layout, tokens: 2048, shared: 1))) | \(text(step(layout, tokens: 2048, shared: 8))) |"
                    lines.append(row)
                }
            }
        }
        try expectInDocument(lines)
    }

    @Test func bondsTable() throws {
        var lines = [
            "| bond cap | kept, 2 cores | core by core | step, 2048 | kept, 3 cores | core by core | step, 2048 |",
            "|---|---|---|---|---|---|---|",
        ]
        for cap in [8, 16, 32, 64, 128, 256, 512, 1024] {
            var row = "| \(cap) |"
            for cores in [2, 3] {
                let layout = try MPOLayout.balanced(out: 2048, in: 2048, cores: cores, limit: .bondDimension(cap))
                row += String(format: " %.1f %% |", 100 * layout.keptFraction)
                row += " \(text(chain(layout))) | \(text(step(layout, tokens: 2048, shared: 1))) |"
            }
            lines.append(row)
        }
        try expectInDocument(lines)
    }

    @Test func legsTable() throws {
        var lines = [
            "| width | kept | o2 = i1 | legs | bond | core by core | chosen, 1 token | chosen, training on 2048 |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for width in [576, 2048, 4096] {
            for keep in [0.3, 0.5] {
                for inner in [1, 2, 4, 8, 16] {
                    let layout = try MPOLayout.lopsided(out: width, in: width, inner: inner, limit: .keep(keep))
                    let one = ContractionPlan.choose(layout: layout, tokens: 1, training: false)
                    let many = ContractionPlan.choose(layout: layout, tokens: 2048)
                    lines.append(
                        "| \(width) | \(Int(keep * 100)) % | \(inner) | \(factors(layout)) | \(layout.bonds[1]) | \(text(chain(layout))) | \(one) | \(many) |"
                    )
                }
            }
        }
        try expectInDocument(lines)
    }
}
