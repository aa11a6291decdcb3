import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import Trainer

/// What `dtype` `auto` takes, on machines of any kind.
@Suite struct ComputeChoiceTests {
    private typealias Machine = ComputeChoice.Machine

    private static func machine(bf16: Double, fp32: Double) -> Machine { Machine(hasFastBFloat16: true, hasBFloat16: true) { $1 == .bf16 ? bf16 : fp32 } }
    private static let slow = Machine(hasFastBFloat16: false, hasBFloat16: true) { _, _ in
        Issue.record("nothing is to be measured")
        return 0
    }
    private static let none = Machine(hasFastBFloat16: false, hasBFloat16: false) { _, _ in 0 }

    private static func model() throws -> LlamaConfiguration { try LlamaConfiguration(huggingFaceDirectory: GoldenFiles.repository.path + "/models/stories260K") }
    private let mix: ProductMix

    init() throws { mix = ProductMix(try Self.model(), tokens: 512, training: true) }

    @Test func autoTakesTheFasterType() throws {
        let (faster, slower) = (Self.machine(bf16: 270e9, fp32: 165e9), Self.machine(bf16: 165e9, fp32: 270e9))
        #expect(try ComputeChoice.make(.auto, mix, on: faster) == ComputeChoice(.bf16, bf16Speed: 270e9, fp32Speed: 165e9))
        #expect(try ComputeChoice.make(.auto, mix, on: slower) == ComputeChoice(.f32, bf16Speed: 165e9, fp32Speed: 270e9))
        #expect(try ComputeChoice.make(.auto, mix, on: slower).words == "fp32 (this model's products: 165 GFLOP/s in bf16, 270 in fp32)")
        #expect(try ComputeChoice.make(.auto, mix, on: Self.slow) == ComputeChoice(.f32))
        // What is asked for is not measured.
        #expect(try ComputeChoice.make(.bf16, mix, on: slower) == ComputeChoice(.bf16) && ComputeChoice.make(.fp32, mix, on: faster) == ComputeChoice(.f32))
        #expect(throws: HealError.self) { try ComputeChoice.make(.bf16, mix, on: Self.slow) }
    }

    /// What goes on keeps its type, whatever a measurement would say now.
    @Test func whatGoesOnKeepsItsType() throws {
        let (narrow, wide) = (ComputeChoice(.bf16, bf16Speed: 2, fp32Speed: 1), ComputeChoice(.f32, bf16Speed: 1, fp32Speed: 2))
        for machine in [Self.machine(bf16: 1, fp32: 2), Self.machine(bf16: 2, fp32: 1), Self.slow] {
            #expect(try ComputeChoice.make(.auto, mix, known: narrow, on: machine) == narrow)
            #expect(try ComputeChoice.make(.auto, mix, known: wide, on: machine) == wide)
        }
        #expect(try ComputeChoice.make(.bf16, mix, known: narrow, on: Self.slow).type == .bf16)
        for precision in [Configuration.Precision.auto, .bf16] {
            let error = #expect(throws: HealError.self) { try ComputeChoice.make(precision, mix, known: narrow, on: Self.none) }
            #expect(error?.description.contains("--allow-changes dtype") == true)
        }
        #expect(try ComputeChoice.make(.fp32, mix, known: narrow, on: Self.none).type == .f32)
    }

    /// Each kind of product once, with all of its operations; sides that are timed are short.
    @Test func productsAreTheModels() throws {
        let c = try Self.model()
        let matrices = 2 * c.hiddenSize * c.hiddenSize + 2 * c.hiddenSize * c.keyValueRows + 3 * c.hiddenSize * c.intermediateSize
        #expect(mix.products.reduce(0) { $0 + $1.operations } == Double(3 * 2 * 512 * matrices))
        #expect(Set(mix.products.map(\.product)).count == mix.products.count && mix.products.allSatisfy { $0.product.m <= 256 && $0.product.n <= 1024 })
        #expect(mix.speed(.f32) > 0)
        #expect(mix == ProductMix(c, tokens: 512, training: true) && mix != ProductMix(c, tokens: 256, training: true))
    }
}

extension TrainingJobTests {
    /// The measured type of a run stays with it.
    @Suite(.serialized, .enabled(if: GEMM.hasBFloat16)) struct MeasuredType {
        private func machine(bf16: Double, fp32: Double) -> ComputeChoice.Machine { .init(hasFastBFloat16: true, hasBFloat16: true) { $1 == .bf16 ? bf16 : fp32 } }

        private func job(_ directory: String, steps: Int, resume: HealingJob.Resume = .no, _ machine: ComputeChoice.Machine) throws -> HealingJob {
            var configuration = try TinyModel.configuration(in: directory)
            (configuration.dtype, configuration.maxSteps, configuration.saveSteps) = (.auto, 4, 1)
            var job = HealingJob(configuration, resume: resume)
            job.machine = machine
            return job
        }

        private func run(_ job: HealingJob, stopAfter limit: Int = .max) throws -> (compute: ComputeChoice?, result: JobResult) {
            var compute: ComputeChoice?, steps = 0
            struct Killed: Error {}
            let result = try job.run { event in
                if case .planned(let summary) = event { compute = summary.compute }
                if case .run(.checkpoint) = event { steps += 1 }
                if steps == limit { throw Killed() }
            }
            return (compute, result)
        }

        @Test func aRunGoesOnInItsType() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                try TinyModel.write(to: directory + "/model")
                let fast = machine(bf16: 2e9, fp32: 1e9), slow = machine(bf16: 1e9, fp32: 2e9)
                // Killed in its second step, and on a machine that would choose otherwise.
                #expect(throws: (any Error).self) { try run(job(directory, steps: 4, fast), stopAfter: 2) }
                let resumed = try run(job(directory, steps: 4, resume: .latest, slow))
                #expect(resumed.compute == ComputeChoice(.bf16, bf16Speed: 2e9, fp32Speed: 1e9))
                try FileManager.default.moveItem(atPath: directory + "/run", toPath: directory + "/killed")
                let straight = try run(job(directory, steps: 4, fast))
                #expect(straight.result.healed == resumed.result.healed)
                let reader = try CheckpointReader(#require(straight.result.checkpoint))
                #expect(try reader.progress().compute == straight.compute)
            }
        }

        /// A run that is killed while it fits, before there is a checkpoint, finds its fits again.
        @Test func fitsAreFoundAgain() throws {
            try GoldenFiles.withTemporaryDirectory { directory in
                try TinyModel.write(to: directory + "/model")
                struct Killed: Error {}
                let fast = try job(directory, steps: 4, machine(bf16: 2e9, fp32: 1e9))
                #expect(throws: Killed.self) { try fast.run { if case .decomposing(let p) = $0, p.phase == .cores, p.done == 3 { throw Killed() } } }
                let second = try run(job(directory, steps: 4, machine(bf16: 1e9, fp32: 2e9)))
                #expect(second.compute?.type == .bf16)
            }
        }
    }
}

extension TrainingJobTests.MeasuredType {
    /// Ranks on machines of two kinds compute in what the first one found.
    @Test func allRanksFollowTheFirst() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            try TinyModel.write(to: directory + "/model")
            var configuration = try TinyModel.configuration(in: directory)
            configuration.dtype = .auto
            let ours = configuration
            for first in [1e9, 2e9] {
                let found = ThreadRanks(2).run { cluster in
                    var job = HealingJob(ours)
                    job.cluster = cluster
                    let narrow = cluster.isFirst ? first : 3e9 - first
                    job.machine = .init(hasFastBFloat16: true, hasBFloat16: true) { $1 == .bf16 ? narrow : 1.5e9 }
                    return try job.prepare().choice
                }
                let expected = ComputeChoice(first > 1.5e9 ? .bf16 : .f32, bf16Speed: first, fp32Speed: 1.5e9)
                #expect(try found.map { try $0.get() } == [expected, expected])
            }
        }
    }
}
