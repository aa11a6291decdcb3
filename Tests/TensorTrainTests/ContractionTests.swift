import Foundation
import Testing

@testable import TensorTrain

@Suite struct ContractionTests {
    @Test func everyPlanEqualsTheDenseProduct() {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 1)
            for tokens in [1, 4] {
                let x = Naive.random(tokens * layout.columns, seed: 2)
                let expected = Naive.product(
                    x, Naive.transposed(Naive.dense(mpo), rows: layout.rows, columns: layout.columns), m: tokens,
                    n: layout.rows, k: layout.columns)
                for plan in ContractionPlan.all {
                    expectClose(mpo.apply(x, tokens: tokens, plan: plan), expected, "\(layout), \(tokens) tokens, \(plan)")
                }
            }
        }
    }

    @Test func wideRestsAreBatched() throws {
        // Rests of 16 and more take the batched form, which small layouts never reach.
        let layout = try MPOLayout(outFactors: [3, 4, 5], inFactors: [2, 6, 4], bonds: [1, 3, 2, 1])
        let forms = CoreChain.Order.allCases.flatMap { CoreChain(layout, order: $0, tokens: 3).steps.map(\.form) }
        #expect(forms.contains(.batched) && forms.contains(.turned) && forms.contains(.single))
        let mpo = Naive.operatorOf(layout, seed: 3)
        let x = Naive.random(3 * layout.columns, seed: 4)
        let dy = Naive.random(3 * layout.rows, seed: 5)
        let reference = mpo.pullback(x, outputGradient: dy, tokens: 3)
        for plan in ContractionPlan.all {
            expectClose(mpo.apply(x, tokens: 3, plan: plan), mpo.apply(x, tokens: 3), "\(plan)")
            let gradient = mpo.pullback(x, outputGradient: dy, tokens: 3, plan: plan)
            expectClose(gradient.input, reference.input, "\(plan)")
            for (a, b) in zip(gradient.cores, reference.cores) { expectClose(a, b, "\(plan)") }
        }
    }

    /// The loss <dy, y> is linear in each core and in x, so central differences are exact but for rounding.
    @Test func gradientsMatchFiniteDifferences() throws {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 6)
            let tokens = 3
            let x = Naive.random(tokens * layout.columns, seed: 7)
            let dy = Naive.random(tokens * layout.rows, seed: 8)
            func loss(_ x: [Double], _ values: [[Double]]) throws -> Double {
                Naive.dot(dy, try MPO(layout: layout, values: values).apply(x, tokens: tokens))
            }
            for plan in ContractionPlan.all {
                let gradient = mpo.pullback(x, outputGradient: dy, tokens: tokens, plan: plan)
                let step = 0.5
                for core in 0..<layout.cores {
                    let direction = Naive.random(layout.coreCount(core), seed: 9)
                    func moved(_ sign: Double) -> [[Double]] {
                        var values = mpo.values
                        for index in direction.indices { values[core][index] += sign * step * direction[index] }
                        return values
                    }
                    let difference = (try loss(x, moved(1)) - loss(x, moved(-1))) / (2 * step)
                    expectClose(
                        [Naive.dot(gradient.cores[core], direction)], [difference], "\(layout), core \(core), \(plan)",
                        tolerance: 1e-11)
                }
                let direction = Naive.random(x.count, seed: 10)
                let difference = try loss(zip(x, direction).map { $0 + $1 }, mpo.values) - loss(x, mpo.values)
                expectClose(
                    [Naive.dot(gradient.input, direction)], [difference], "\(layout), input, \(plan)", tolerance: 1e-11)
            }
        }
    }

    @Test func projectionIsTheDefinition() throws {
        // dA_k[a, o, i, b] = sum over the dense entries of dW times the derivative of the entry, one by one.
        let layout = try MPOLayout(outFactors: [2, 3, 2], inFactors: [3, 1, 2], bonds: [1, 2, 3, 1])
        let mpo = Naive.operatorOf(layout, seed: 11)
        let gradient = Naive.random(layout.denseCount, seed: 12)
        let projected = mpo.projected(denseGradient: gradient)
        for core in 0..<3 {
            for index in 0..<layout.coreCount(core) {
                var values = mpo.values
                values[core] = [Double](repeating: 0, count: values[core].count)
                values[core][index] = 1
                let derivative = Naive.dense(try MPO(layout: layout, values: values))
                #expect(abs(projected[core][index] - Naive.dot(gradient, derivative)) < 1e-12)
            }
        }
    }
}

@Suite struct ContractionCostTests {
    @Test func operationsOfTwoCores() throws {
        let (o1, o2, i1, i2, r, tokens) = (5, 7, 3, 4, 6, 11)
        let layout = try MPOLayout(outFactors: [o1, o2], inFactors: [i1, i2], bonds: [1, r, 1])
        let (o, i) = (o1 * o2, i1 * i2)
        func flops(_ plan: ContractionPlan) -> (Double, Double) {
            (plan.forwardCost(layout, tokens: tokens).flops, plan.backwardCost(layout, tokens: tokens).flops)
        }
        let left = 2 * Double(tokens * r * (o1 * i + i2 * o))
        let right = 2 * Double(tokens * r * (o2 * i + i1 * o))
        #expect(flops(.coreByCore(.leftToRight)) == (left, 2 * left))
        #expect(flops(.coreByCore(.rightToLeft)) == (right, 2 * right))
        let rebuild = 2 * Double(o * i * r)
        let dense = 2 * Double(tokens * o * i)
        // Backward: W again, two products with the tokens, two with dW.
        #expect(flops(.rebuild) == (rebuild + dense, rebuild + 2 * dense + 2 * rebuild))
        let shared = ContractionPlan.rebuild.backwardCost(layout, tokens: tokens, rebuildsShared: 4).flops
        #expect(abs(shared - (2 * dense + 2 * rebuild / 4)) < 1e-6)
        let kept = ContractionPlan.rebuild.backwardCost(layout, tokens: tokens, keepsDense: true).flops
        #expect(kept == 2 * dense + 2 * rebuild)
    }

    @Test func operationsOfAnyChain() {
        for layout in Naive.layouts {
            for order in CoreChain.Order.allCases {
                var expected = 0.0
                for core in 0..<layout.cores {
                    let before = order == .leftToRight ? layout.outFactors[..<core] : layout.inFactors[..<core]
                    let after = order == .leftToRight ? layout.inFactors[(core + 1)...] : layout.outFactors[(core + 1)...]
                    expected += 2 * 9 * Double(layout.coreCount(core) * before.reduce(1, *) * after.reduce(1, *))
                }
                let plan = ContractionPlan.coreByCore(order)
                #expect(plan.forwardCost(layout, tokens: 9).flops == expected, "\(layout) \(order)")
                #expect(plan.backwardCost(layout, tokens: 9).flops == 2 * expected, "\(layout) \(order)")
            }
        }
    }

    @Test func rebuildTakesTheCheapestCut() {
        for layout in Naive.layouts where layout.cores > 1 {
            let costs = (1..<layout.cores).map { RebuildPath(layout, cut: $0).flops }
            #expect(RebuildPath(layout).flops == costs.min()!, "\(layout)")
        }
    }

    @Test func bytesCountEveryOperandOnce() throws {
        let layout = try MPOLayout(outFactors: [5, 7], inFactors: [3, 4], bonds: [1, 6, 1])
        let cost = ContractionPlan.rebuild.forwardCost(layout, tokens: 10)
        let elements = (15 * 6 + 6 * 28 + 15 * 28) + 2 * 420 + (10 * 12 + 12 * 35 + 10 * 35)
        #expect(cost.bytes(elementSize: 4) == Double(4 * elements))
        #expect(ContractionPlan.rebuild.savedElements(layout, tokens: 10) == 120)
        #expect(ContractionPlan.coreByCore(.leftToRight).savedElements(layout, tokens: 10) == 120 + 10 * 5 * 6 * 4)
    }

    @Test func choiceFollowsTokensAndLegs() throws {
        // Balanced legs: one token goes core by core, a batch rebuilds.
        let balanced = try MPOLayout.balanced(out: 4096, in: 4096, cores: 2, limit: .keep(0.3))
        #expect(ContractionPlan.choose(layout: balanced, tokens: 4096) == .rebuild)
        #expect(ContractionPlan.choose(layout: balanced, tokens: 1, training: false) != .rebuild)
        // The low-rank factorisation never rebuilds: core by core is cheaper than the dense product itself.
        let lowRank = try MPOLayout.lopsided(out: 4096, in: 4096, inner: 1, limit: .keep(0.3))
        #expect(ContractionPlan.choose(layout: lowRank, tokens: 4096) == .coreByCore(.rightToLeft))
        // The chosen plan is the cheapest by the model's own account.
        let model = CostModel(call: 1e-6, operation: 1e-9, input: 4e-9, output: 9e-9, moved: 5e-9)
        for layout in Naive.layouts {
            for tokens in [1, 10, 100] {
                let seconds = ContractionPlan.all.map { plan in
                    model.seconds(
                        plan.forwardCost(layout, tokens: tokens) + plan.backwardCost(layout, tokens: tokens))
                }
                let chosen = ContractionPlan.choose(layout: layout, tokens: tokens, costModel: model)
                #expect(seconds[ContractionPlan.all.firstIndex(of: chosen)!] == seconds.min()!, "\(layout) \(tokens)")
            }
        }
    }

    @Test func secondsAreTheSumOfTheTerms() {
        let model = CostModel(call: 1000, operation: 1, input: 10, output: 100, moved: 3)
        let cost = ContractionCost(products: [.init(shape: GEMMShape(m: 2, n: 3, k: 5), weight: 0.5)], movedElements: 7)
        let product: Double = 1000 + 60 + 10 * 25 + 100 * 6
        #expect(model.seconds(cost) == 0.5 * product + 21)
    }

    /// Times that a model made give the model back; with noise, near it; never a negative number.
    @Test func fitFindsTheModel() {
        let truth = CostModel(call: 4e-6, operation: 7e-12, input: 2e-10, output: 5e-10, moved: 1e-10)
        let shapes = [(2048, 512, 512), (64, 1024, 1024), (1024, 64, 1024), (1024, 1024, 64), (64, 64, 64), (1, 512, 512)]
            .map { GEMMShape(m: $0.0, n: $0.1, k: $0.2) }
        func fit(_ noise: [Double]) -> CostModel {
            .fitted(to: zip(shapes, noise).map { ($0, truth.seconds($0) * $1) }, moved: truth.moved)
        }
        let exact = fit(shapes.map { _ in 1 })
        for part in [\CostModel.call, \.operation, \.input, \.output, \.moved] {
            #expect(abs(exact[keyPath: part] / truth[keyPath: part] - 1) < 1e-6)
        }
        let noisy = fit([1.1, 0.9, 1.05, 0.95, 1.1, 0.9])
        #expect([noisy.call, noisy.operation, noisy.input, noisy.output].allSatisfy { $0 >= 0 })
        for shape in shapes { #expect(abs(noisy.seconds(shape) / truth.seconds(shape) - 1) < 0.25) }
    }

    @Test func plansAreCodable() throws {
        for plan in ContractionPlan.all {
            let data = try JSONEncoder().encode([plan])
            #expect(try JSONDecoder().decode([ContractionPlan].self, from: data) == [plan])
        }
        #expect(ContractionPlan(rawValue: "sideways") == nil)
        #expect(ContractionPlan.coreByCore(.leftToRight).rawValue == "left_to_right")
        let model = CostModel(operation: 7)
        #expect(try JSONDecoder().decode(CostModel.self, from: JSONEncoder().encode(model)) == model)
    }
}
