import Autograd
import Foundation
import Kernels
import Models
import TensorTrain
import TestSupport
import Testing
@testable import Trainer

extension TrainingJobTests {
    /// What a run does to cores that came with its model.
    @Suite(.serialized) struct BalancedCores {
        private func exported(to directory: String) throws -> OpenedModel {
            let opened = try OpenedModel.open(ExportSamples.stories)
            try MPOExport.write(opened, weights: try ExportSamples.compressed(opened), to: directory, dtype: .fp32)
            return try OpenedModel.open(directory)
        }

        /// The largest difference between the norms on the two sides of a bond index, as a factor.
        private func imbalance(_ weights: ModelWeights) throws -> Double {
            var worst = 1.0
            for (module, layout) in weights.layouts {
                let norms = TrainedChain(layout: layout, parameters: Array(0..<layout.cores)).bondNorms(weights.coreNames(module).map { weights.tensors[$0]! })
                for k in 1..<layout.cores {
                    // What is nearly zero on both sides is rounding.
                    let floor = 1e-10 * norms.left[k].max()!
                    for (a, b) in zip(norms.left[k], norms.right[k]) where max(a, b) > floor { worst = max(worst, a / b, b / a) }
                }
            }
            return worst
        }

        @Test func operatorsStayAndSidesAreEqual() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let read = try exported(to: directory + "/export").weights()
                var balanced = read, told: [Int] = []
                try balanced.balanceCores(progress: { told.append($0.done) })
                #expect(told.last == read.layouts.count && told == told.sorted())
                #expect(balanced.layouts == read.layouts && balanced.names == read.names)
                #expect(try imbalance(read) > 4)
                #expect(try imbalance(balanced) < 1.001)
                for (module, layout) in read.layouts {
                    func dense(_ weights: ModelWeights) -> [Float] {
                        DenseForm(layout).dense(weights.coreNames(module).map { weights.tensors[$0]! }, type: .f32).floats()
                    }
                    let (a, b) = (dense(balanced), dense(read)), largest = b.map(abs).max()!
                    #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 4e-6 * largest }, "\(module)")
                }
                var stopped = read
                try stopped.balanceCores(stop: { true })
                #expect(stopped.names.allSatisfy { stopped.tensors[$0]!.floats() == read.tensors[$0]!.floats() })
            }
        }

        /// The first step has the rate 0, so the checkpoint after it holds what training starts from.
        @Test func runStartsWithThem() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                let opened = try exported(to: directory + "/export")
                var expected = try opened.weights()
                try expected.balanceCores()
                for threads in [1, 2] {
                    var job = try SmallJob(in: directory).withOutput("run\(threads)")
                    job.configuration.model = directory + "/export"
                    job.configuration.compression.skip.append(NamePattern(known: "o_proj"))
                    job.configuration.threads = threads
                    job.configuration.maxSteps = 1
                    #expect(try job.run().result.ending == .complete)
                    let found = try CheckpointReader(try job.checkpoints.last!.path).model().weights()
                    #expect(found.layouts == expected.layouts)
                    for module in expected.layouts.keys {
                        for core in expected.coreNames(module) { #expect(found.tensors[core]!.floats() == expected.tensors[core]!.floats(), "\(core)") }
                    }
                }
            }
        }
    }
}
