import Foundation
import Testing

@testable import TensorTrain

@Suite struct MPOLayoutTests {
    @Test func exactBondsFollowTheFormula() throws {
        for (out, input) in Naive.factors {
            let layout = try MPOLayout(outFactors: out, inFactors: input)
            var before = 1
            for core in 0..<layout.cores {
                let later = (core + 1..<layout.cores).reduce(1) { $0 * out[$1] * input[$1] }
                before = min(out[core] * input[core] * before, later)
                #expect(layout.bonds[core + 1] == before, "bond \(core + 1) of \(layout)")
            }
            #expect(layout.exactBonds == layout.bonds)
        }
        let known = try MPOLayout(outFactors: [2, 3, 4], inFactors: [3, 2, 5])
        #expect(known.bonds == [1, 6, 20, 1])
    }

    @Test func parametersAreCounted() throws {
        let layout = try MPOLayout(outFactors: [2, 3, 4], inFactors: [3, 2, 5], bonds: [1, 5, 7, 1])
        #expect(layout.coreTotal == 1 * 2 * 3 * 5 + 5 * 3 * 2 * 7 + 7 * 4 * 5 * 1)
        #expect(layout.parameterCount == layout.coreTotal - 5 * 5 - 7 * 7)
        #expect(layout.denseCount == 24 * 30 && layout.rows == 24 && layout.columns == 30)
        #expect(layout.coreShape(1) == [5, 3, 2, 7])
        for layout in Naive.layouts {
            #expect(layout.coreTotal == Naive.operatorOf(layout, seed: 1).values.reduce(0) { $0 + $1.count })
        }
        // The exact bonds make as many parameters as the matrix has; wider ones leave more free than a gauge, which is not taken off.
        for (out, input) in Naive.factors { #expect(try MPOLayout(outFactors: out, inFactors: input).keptFraction == 1) }
        let wide = try MPOLayout(outFactors: [2, 2], inFactors: [1, 1], bonds: [1, 3, 1])
        #expect(!wide.hasFreeGauge && wide.parameterCount == wide.coreTotal)
    }

    /// r (p + q) - r^2 <= keep o i, solved for r.
    @Test func twoCoreBudgetIsTheFloor() throws {
        for (out, input) in [(576, 576), (192, 576), (1536, 576), (576, 1536), (4096, 11008)] {
            for keep in [0.1, 0.3, 0.5, 0.8, 1] {
                let layout = try MPOLayout.balanced(out: out, in: input, cores: 2, limit: .keep(keep))
                let (p, q) = (Double(layout.products[0]), Double(layout.products[1]))
                let root = (p + q) / 2 - ((p + q) * (p + q) / 4 - keep * p * q).squareRoot()
                #expect(layout.bonds[1] == Int((root + 1e-9).rounded(.down)), "\(layout), keep \(keep)")
            }
        }
    }

    @Test func budgetsAreKeptAndUsed() throws {
        for cores in 2...5 {
            for keep in [0.05, 0.3, 0.5, 0.9] {
                let layout = try MPOLayout.balanced(out: 576, in: 1536, cores: cores, limit: .keep(keep))
                #expect(layout.keptFraction <= keep, "\(layout), keep \(keep)")
                let wider = try MPOLayout(
                    outFactors: layout.outFactors, inFactors: layout.inFactors,
                    limit: .bondDimension(layout.bonds.max()! + 1))
                #expect(wider.keptFraction > keep || wider == layout, "\(layout) leaves room, keep \(keep)")
            }
        }
        #expect(throws: TensorTrainError.self) {
            try MPOLayout(outFactors: [4, 4], inFactors: [4, 4], limit: .keep(0.01))
        }
        #expect(throws: TensorTrainError.budgetTooSmall(keep: 0.5, smallest: 1)) {
            try MPOLayout(outFactors: [4], inFactors: [4], limit: .keep(0.5))
        }
        #expect(try MPOLayout(outFactors: [4], inFactors: [4], limit: .keep(1)).parameterCount == 16)
    }

    @Test func balancedFactorsOfKnownSizes() throws {
        func factors(_ out: Int, _ input: Int, _ cores: Int) throws -> String {
            let layout = try MPOLayout.balanced(out: out, in: input, cores: cores, limit: .bondDimension(1))
            return "\(layout.outFactors) \(layout.inFactors)"
        }
        #expect(try factors(576, 576, 1) == "[576] [576]")
        #expect(try factors(576, 576, 2) == "[24, 24] [24, 24]")
        #expect(try factors(4096, 4096, 2) == "[64, 64] [64, 64]")
        #expect(try factors(4096, 4096, 3) == "[16, 16, 16] [16, 16, 16]")
        #expect(try factors(4096, 4096, 4) == "[8, 8, 8, 8] [8, 8, 8, 8]")
        #expect(try factors(11008, 4096, 2) == "[128, 86] [64, 64]")
        #expect(try factors(32000, 4096, 2) == "[200, 160] [64, 64]")
        #expect(try factors(7, 576, 2) == "[1, 7] [64, 9]")
        #expect(try factors(1, 1, 3) == "[1, 1, 1] [1, 1, 1]")
    }

    /// Every split of small numbers, by brute force: none is more even in its products, and among those as even none is
    /// more even in its factors.
    @Test func balancedFactorsAreOptimal() throws {
        func splits(_ number: Int, _ parts: Int) -> [[Int]] {
            if parts == 1 { return [[number]] }
            return (1...number).filter { number.isMultiple(of: $0) }.flatMap { first in
                splits(number / first, parts - 1).map { [first] + $0 }
            }
        }
        func spread(_ numbers: [Int]) -> Double {
            let logs = numbers.map { log(Double($0)) }
            let mean = logs.reduce(0, +) / Double(logs.count)
            return logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        }
        for (out, input) in [(12, 18), (17, 24), (172, 48), (30, 30), (64, 1), (13, 13)] {
            for cores in 2...4 {
                let layout = try MPOLayout.balanced(out: out, in: input, cores: cores, limit: .bondDimension(1))
                try layout.requireMatrix(out: out, in: input)
                let best = (spread(layout.products), spread(layout.outFactors) + spread(layout.inFactors))
                for outs in splits(out, cores) {
                    for ins in splits(input, cores) {
                        let products = spread(zip(outs, ins).map { $0 * $1 })
                        let factors = spread(outs) + spread(ins)
                        #expect(products > best.0 - 1e-7, "\(layout): \(outs) \(ins) has evener products")
                        #expect(
                            products > best.0 + 1e-7 || factors > best.1 - 1e-7,
                            "\(layout): \(outs) \(ins) has evener factors")
                    }
                }
            }
        }
    }

    @Test func awkwardSizesAreSensible() throws {
        for size in [172, 288, 576, 1536, 4096, 5632, 11008, 32000, 151_936, 128_256] {
            for cores in 1...5 {
                let layout = try MPOLayout.balanced(out: size, in: 576, cores: cores, limit: .bondDimension(4))
                try layout.requireMatrix(out: size, in: 576)
                #expect(layout.cores == cores)
                // The largest product outside, the smallest inside.
                #expect(layout.products.first! == layout.products.max()!, "\(layout)")
            }
        }
    }

    @Test func lopsidedLegs() throws {
        let layout = try MPOLayout.lopsided(out: 576, in: 1536, inner: 1, limit: .bondDimension(40))
        #expect(layout.outFactors == [576, 1] && layout.inFactors == [1, 1536] && layout.bonds == [1, 40, 1])
        #expect(layout.parameterCount == 40 * (576 + 1536) - 40 * 40)
        #expect(throws: TensorTrainError.badFactors("the inner factor 7 must divide both 576 rows and 1536 columns")) {
            try MPOLayout.lopsided(out: 576, in: 1536, inner: 7)
        }
    }

    @Test func wrongLayoutsSayWhatIsWrong() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch { return "\(error)" }
        }
        let good = try MPOLayout(outFactors: [24, 24], inFactors: [32, 48])
        #expect(
            message { try good.requireMatrix(out: 577, in: 1536) }
                == "the out factors [24, 24] multiply to 576, but the matrix has 577 rows")
        #expect(
            message { try good.requireMatrix(out: 576, in: 1537) }
                == "the in factors [32, 48] multiply to 1536, but the matrix has 1537 columns")
        #expect(message { _ = try MPOLayout(outFactors: [], inFactors: []) }.contains("at least one core"))
        #expect(message { _ = try MPOLayout(outFactors: [2], inFactors: [2, 2]) }.contains("1 out factors"))
        #expect(message { _ = try MPOLayout(outFactors: [2, 0], inFactors: [2, 2]) }.contains("positive: [2, 0]"))
        #expect(message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [-2, 2]) }.contains("in factors"))
        #expect(
            message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], bonds: [1, 2]) }.contains("need 3 bonds"))
        #expect(
            message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], bonds: [2, 2, 1]) }.contains("must be 1"))
        #expect(
            message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], bonds: [1, 0, 1]) }.contains("positive"))
        let huge = Int.max / 2
        #expect(message { _ = try MPOLayout(outFactors: [huge, huge], inFactors: [2, 2]) }.contains("too large"))
        #expect(
            message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], bonds: [1, huge, 1]) }.contains("too large"))
        #expect(message { _ = try MPOLayout.balanced(out: 4, in: 4, cores: 0) }.contains("at least one core"))
        for keep in [0, -1, .nan, .infinity] as [Double] {
            #expect(
                message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], limit: .keep(keep)) }
                    .contains("positive fraction"), "keep \(keep)")
        }
        #expect(
            message { _ = try MPOLayout(outFactors: [2, 2], inFactors: [2, 2], limit: .bondDimension(0)) }
                .contains("at least 1"))
    }

    @Test func codingChecksWhatItReads() throws {
        for layout in Naive.layouts {
            let data = try JSONEncoder().encode(layout)
            #expect(try JSONDecoder().decode(MPOLayout.self, from: data) == layout)
        }
        let bad = Data(#"{"out_factors": [2, 2], "in_factors": [2], "bonds": [1, 2, 1]}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(MPOLayout.self, from: bad) }
    }
}
