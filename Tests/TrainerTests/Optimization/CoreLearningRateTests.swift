import Foundation
import Kernels
import TensorTrain
import Testing

@testable import Trainer

@Suite struct CoreLearningRateTests {
    /// Entries that change at random by the rate times the factor move W' by the rate over the number of cores: whichever core it is, whatever the gauge.
    @Test(arguments: ChainProblem.layouts, [1.0, 37.5]) func moveOfTheProduct(layout: MPOLayout, gauge: Double) {
        let problem = ChainProblem(layout, seed: 1)
        let cores = problem.scaled(problem.start(seed: 2), bond: 1, by: Array(repeating: gauge, count: layout.bonds[1]))
        let factors = CoreLearningRate.balancedFactors(layout, problem.chain.bondNorms(cores)), before = problem.product(cores), rate = 1e-3
        var generator = SplitMix64(seed: 5)
        for k in 0..<layout.cores {
            var square = 0.0
            let tries = 400
            for _ in 0..<tries {
                var moved = cores
                moved[k] = Tensor(cores[k].doubles().map { $0 + rate * factors[k] * (generator.nextUnit() < 0.5 ? -1 : 1) }, cores[k].shape)
                square += zip(problem.product(moved), before).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            let move = (square / Double(tries * layout.denseCount)).squareRoot()
            #expect(abs(move / (rate / Double(layout.cores)) - 1) < 0.1, "core \(k) of \(layout): W' moves by \(move)")
        }
    }

    /// AdamW does not see the size of gradients, so with balanced rates it does not see what is multiplied into one core and divided out of another.
    @Test(arguments: ChainProblem.layouts) func aNumberBetweenCoresChangesNothing(layout: MPOLayout) {
        let problem = ChainProblem(layout, seed: 1), start = problem.start(seed: 2)
        func path(_ factor: Double, _ rates: CoreLearningRate) -> [Double] {
            var optimizer = problem.adamW()
            optimizer.coreLearningRate = rates
            let from = problem.scaled(start, bond: 1, by: Array(repeating: factor, count: layout.bonds[1]))
            return problem.product(problem.run(&optimizer, from: from, steps: 20, learningRate: 5e-3).cores)
        }
        for factor in [1 / 3.0, 10] {
            #expect(relativeDistance(path(factor, .balanced), path(1, .balanced)) < 1e-4)
            #expect(relativeDistance(path(factor, .uniform), path(1, .uniform)) > 1e-2, "uniform rates see the gauge")
        }
    }

    /// Decay of the product shrinks W' as it would a dense matrix; decay of the cores N times as much.
    @Test(arguments: ChainProblem.layouts, CoreLearningRate.allCases) func decay(layout: MPOLayout, rates: CoreLearningRate) {
        let problem = ChainProblem(layout, seed: 1), start = problem.start(seed: 2), before = problem.product(start)
        for (decay, power) in [(AdamWOptimizer.Decay.product, 1), (.cores, layout.cores)] {
            var optimizer = problem.adamW()
            (optimizer.decay, optimizer.weightDecay, optimizer.coreLearningRate) = (decay, 0.5, rates)
            let cores = start.map { $0.copy() }, zeros = start.map { Tensor.zeros($0.shape, .f32) }
            optimizer.update(cores, gradients: { zeros[$0] }, learningRate: 0.2, gradientScale: 1)
            #expect(relativeDistance(problem.product(cores), before.map { $0 * pow(0.9, Double(power)) }) < 1e-6)
        }
    }

    @Test func neighboursOfZero() {
        let problem = ChainProblem(ChainProblem.layouts[0], seed: 1)
        var cores = problem.start(seed: 2)
        cores[1] = Tensor.zeros(cores[1].shape, .f32)
        var optimizer = problem.adamW()
        optimizer.coreLearningRate = .balanced
        optimizer.gaugeSteps = 1
        let end = problem.run(&optimizer, from: cores, steps: 3, learningRate: 1e-2)
        #expect(end.losses.allSatisfy(\.isFinite) && end.losses[2] < end.losses[0])
    }
}
