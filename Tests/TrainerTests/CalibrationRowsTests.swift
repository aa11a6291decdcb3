import Foundation
import HealData
import Models
import Storage
import Testing
import TestSupport

@testable import Trainer

/// Which rows cores are fitted to, and which decide.
@Suite struct CalibrationRowsTests {
    private func rows(tokens: Int, heldOut: Int, _ change: (inout Configuration) throws -> Void = { _ in }) throws -> (rows: CalibrationRows, dataset: Dataset) {
        try GoldenFiles.withTemporaryDirectory { directory in
            var job = try SmallJob(in: directory)
            try change(&job.configuration)
            let opened = try OpenedModel.open(job.configuration.model)
            let dataset = try HealingJob(job.configuration).dataset(opened)
            var options = CalibrationConfiguration()
            (options.tokens, options.heldOutTokens) = (tokens, heldOut)
            options.datasets = job.configuration.compression.calibration.datasets
            job.configuration.compression.calibration = options
            return (try job.configuration.calibrationRows(opened, dataset), dataset)
        }
    }

    private func heldBack(_ dataset: Dataset) throws -> Set<[Int32]> {
        var stream = try dataset.evaluationBatches(BatchShape(rowsPerBatch: 1)), found: Set<[Int32]> = []
        while let batch = try stream.next() {
            for (start, end) in zip(batch.segments, batch.segments.dropFirst()) { found.insert(Array(batch.tokens[start..<end])) }
        }
        return found
    }

    /// Files of the calibration's own take the place of those that are trained on; what is held back there stays unseen here.
    @Test func comeFromFilesOfTheirOwn() throws {
        let own = try rows(tokens: 3_000_000, heldOut: 1_000_000) { $0.compression.calibration.datasets = [$0.datasets[0]] }
        let trained = try rows(tokens: 3_000_000, heldOut: 1_000_000)
        let seen = Set(samples(own.rows.all)), heldBack = try heldBack(own.dataset)
        #expect(!seen.isEmpty && !heldBack.isEmpty && seen.isDisjoint(with: heldBack))
        #expect(seen.isStrictSubset(of: samples(trained.rows.all)), "one file of several")
    }

    private func samples(_ batches: [CalibrationRows.Batch]) -> [[Int32]] {
        batches.flatMap { batch in
            zip(batch.input.segments, batch.input.segments.dropFirst()).filter { $0.1 <= batch.count }.map { Array(batch.input.tokens[$0..<$1]) }
        }
    }

    @Test func areAsManyAsAskedForAndDisjoint() throws {
        let (rows, dataset) = try rows(tokens: 1200, heldOut: 600)
        // Whole rows, so a little more than asked for.
        #expect((1200..<1200 + 160).contains(rows.fittedTokens) && (600 - 160..<600 + 320).contains(rows.heldTokens))
        for batch in rows.all { #expect(batch.input.tokens.count.isMultiple(of: 16) && batch.input.tokens.count - batch.count < 16) }
        let (fitted, held) = (Set(samples(rows.fitted)), Set(samples(rows.held)))
        #expect(fitted.count > 5 && held.count > 2 && fitted.isDisjoint(with: held))
        let heldBack = try heldBack(dataset)
        #expect(!heldBack.isEmpty && heldBack.isDisjoint(with: fitted.union(held)), "held-back rows stay unseen")
        #expect(try self.rows(tokens: 1200, heldOut: 600).rows.checksum == rows.checksum)
        #expect(try self.rows(tokens: 1200, heldOut: 600) { $0.seed = 43 }.rows.checksum != rows.checksum)
    }

    /// Where nothing is chosen on them, the first few of the other rows do; the fitted ones stay.
    @Test func othersAreCutShort() throws {
        let batch = try rows(tokens: 1200, heldOut: 600).rows.fitted[0], rows = CalibrationRows(fitted: [batch, batch], held: [batch, batch, batch])
        func counts(_ tokens: Int) -> [Int] { [rows.keepingHeld(tokens).fitted.count, rows.keepingHeld(tokens).held.count] }
        #expect(counts(0) == [2, 1] && counts(batch.count) == [2, 1] && counts(batch.count + 1) == [2, 2] && counts(9 * batch.count) == [2, 3])
        #expect(rows.keepingHeld(1).checksum != rows.checksum)
    }

    /// Gradients are of labels: the same tokens with others are other rows.
    @Test func labelsTellRowsApart() throws {
        let batch = try rows(tokens: 1200, heldOut: 600).rows.fitted[0]
        func checksum(_ labels: [Int32]) -> Checksum {
            CalibrationRows(fitted: [.init(input: batch.input, labels: labels, count: batch.count)], held: []).checksum
        }
        #expect(checksum(batch.labels) != checksum(batch.labels.map { _ in -1 }))
    }

    /// Small data sets are shared out in the proportion that was asked for.
    @Test func shrinkTogether() throws {
        let rows = try rows(tokens: 3_000_000, heldOut: 1_000_000).rows
        #expect(rows.heldTokens > 0 && (2.0...5.0).contains(Double(rows.fittedTokens) / Double(rows.heldTokens)))
    }

    /// Where all samples are one, more of it is no remedy, nor are shorter rows.
    @Test func copiesAreNamed() throws {
        let error = #expect(throws: HealError.self) {
            try rows(tokens: 10_000, heldOut: 10_000) {
                let path = ($0.datasets[0].path as NSString).deletingLastPathComponent + "/copies.jsonl"
                try Data((0..<60).map { _ in #"{"instruction":"say a long word","output":"a very long word indeed"}"# }.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
                ($0.datasets, $0.validationSize) = ([$0.datasets[0]], 0)
                $0.datasets[0].path = path
            }
        }
        #expect(error?.description.contains("59 of their 60 samples copies of others; add data that are no copies, or set") == true, "\(error?.description ?? "")")
    }

    /// Where the same sample would be fitted and decide, nothing is left to decide.
    @Test func oneSampleIsTooFew() throws {
        #expect(throws: HealError.self) {
            try rows(tokens: 1000, heldOut: 1000) {
                $0.datasets = [$0.datasets[0]]
                $0.validationSize = 23
            }
        }
    }
}
