import Foundation
import Kernels
import TensorTrain
import TestSupport
import Testing

@testable import Trainer

@Suite struct GaugeBalanceTests {
    /// A chain far out of balance, each bond index in its own way.
    private func unbalanced(_ problem: ChainProblem) -> [Tensor] {
        var generator = SplitMix64(seed: 9)
        return (1..<problem.layout.cores).reduce(problem.start(seed: 2)) { cores, bond in
            problem.scaled(cores, bond: bond, by: (0..<problem.layout.bonds[bond]).map { _ in pow(10, 6 * generator.nextUnit() - 3) })
        }
    }

    private func wide(_ moments: AdamWOptimizer.Moments) -> (m: Tensor, v: Tensor) {
        guard case .wide(let m, let v) = moments else { fatalError("wide moments are expected") }
        return (m, v)
    }

    /// The product keeps its bits, and so does what an update would do: m over the root of v goes the way of the core's steps, m times the core is the same.
    @Test(arguments: ChainProblem.layouts, [DType.f32, .bf16]) func keepsEveryBit(layout: MPOLayout, type: DType) {
        let problem = ChainProblem(layout, seed: 1), cores = unbalanced(problem).map { Elementwise.convert($0, to: type) }
        var optimizer = problem.adamW()
        let gradients = problem.gradients(cores)
        optimizer.update(cores, gradients: { gradients[$0] }, learningRate: 1e-4, gradientScale: 1)
        let product = problem.product(cores)
        func pairs() -> [[Double]] {
            optimizer.moments.enumerated().map { k, moments in
                let (m, v) = wide(moments), a = cores[k].doubles()
                return zip(a, m.doubles()).map { $0 * $1 } + zip(a, v.doubles()).map { $0 * $0 * $1 }
            }
        }
        let before = pairs(), apart = cores.map { $0.doubles() }
        GaugeBalance.balance(problem.chain, cores, optimizer.moments)
        #expect(cores.map { $0.doubles() } != apart)
        #expect(problem.product(cores) == product)
        #expect(pairs() == before)
        let norms = problem.chain.bondNorms(cores)
        for bond in 1..<layout.cores {
            for (left, right) in zip(norms.left[bond], norms.right[bond]) {
                #expect((0.25...4).contains(left / right), "bond \(bond): \(left) against \(right)")
                #expect(GaugeBalance.exponent(left: left, right: right) == 0)
            }
        }
    }

    /// Going on after balancing is what a run that began in that gauge does.
    @Test(arguments: ChainProblem.layouts) func sameAsBeginningBalanced(layout: MPOLayout) {
        let problem = ChainProblem(layout, seed: 1), start = unbalanced(problem), zeros = start.map { Tensor.zeros($0.shape, .f32) }
        var late = problem.adamW(), early = problem.adamW()
        late.gaugeSteps = 1
        let balanced = start.map { $0.copy() }
        late.update(balanced, gradients: { zeros[$0] }, learningRate: 1e-3, gradientScale: 1)
        early.update(start, gradients: { zeros[$0] }, learningRate: 1e-3, gradientScale: 1)
        #expect(problem.product(balanced) == problem.product(start))
        late.gaugeSteps = nil
        let other = balanced.map { $0.copy() }
        let a = problem.run(&late, from: balanced, steps: 10, learningRate: 1e-3), b = problem.run(&early, from: other, steps: 10, learningRate: 1e-3)
        #expect(a.losses == b.losses)
    }

    @Test func exponents() {
        #expect(GaugeBalance.exponent(left: 1, right: 1) == 0)
        #expect(GaugeBalance.exponent(left: 1, right: 3.9) == 0)
        #expect(GaugeBalance.exponent(left: 1, right: 16) == 1)
        #expect(GaugeBalance.exponent(left: 256, right: 1) == -2)
        for (left, right) in [(0.0, 1.0), (1, 0), (0, 0), (.infinity, 1), (.nan, 1)] { #expect(GaugeBalance.exponent(left: left, right: right) == 0) }
        #expect(GaugeBalance.exponent(left: 1e-200, right: 1e200) == 30)
    }
}

extension TrainingJobTests {
    /// Whole runs with the cores' own treatment.
    @Suite(.serialized) struct CoreTreatment {
        private func job(in directory: String, cores: Int) throws -> SmallJob {
            var job = try SmallJob(in: directory).withOutput("straight")
            job.configuration.coreLearningRate = .balanced
            job.configuration.gauge = .balance
            job.configuration.gaugeSteps = 5
            job.configuration.decay = .product
            job.configuration.compression.cores = cores
            return job
        }

        @Test(arguments: [2, 3]) func sameBitsStoppedAndOnAnyThreads(cores: Int) throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                var straight = try job(in: directory, cores: cores)
                straight.configuration.threads = 1
                let whole = try straight.run(), numbers = try straight.numbers()
                #expect(whole.result.ending == .complete && numbers.progress.step == 24)
                for polls in [11, 31] {
                    var stopped = straight.withOutput("stop-\(polls)")
                    stopped.configuration.threads = 2
                    #expect(try stopped.run(stopAfter: polls).result.step < 24)
                    #expect(try stopped.run(resume: .latest).result.healed == whole.result.healed)
                    #expect(try stopped.numbers().differences(from: numbers) == [])
                }
            }
        }

        @Test func ratesAndDecayMatter() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let all = try job(in: directory, cores: 2), expected = try all.run().result.healed
                for (name, change) in [("rates", { $0.coreLearningRate = .uniform }), ("decay", { $0.decay = .cores })] as [(String, (inout Configuration) -> Void)] {
                    var other = all.withOutput(name)
                    change(&other.configuration)
                    #expect(try other.run().result.healed != expected, "\(name)")
                }
            }
        }
    }
}
