import Foundation
import HealData
import Testing

@Suite struct BatchStreamTests {
    let directory = TemporaryDirectory()

    private func dataset(packing: Bool = true, maxLength: Int = 64, weights: [Double?] = [nil, nil]) throws -> Dataset {
        let files = [
            DatasetFile(path: directory.alpaca("a", count: 23, tag: "a"), weight: weights[0]),
            DatasetFile(path: directory.alpaca("b", count: 14, tag: "b"), weight: weights[1]),
        ]
        return try byteDataset(files, maxLength: maxLength) {
            $0.packing = packing
            $0.heldBack = .count(5)
        }
    }

    private func all(
        _ dataset: Dataset, _ shape: BatchShape, epochs: Double = 2, from position: DataPosition? = nil, threads: Int = 2, prefetch: Int = 3
    ) throws -> [(batch: TokenBatch, position: DataPosition)] {
        var stream = try BatchStream(dataset, shape: shape, epochs: epochs, from: position, threads: threads, prefetch: prefetch)
        var found: [(TokenBatch, DataPosition)] = []
        while let batch = try stream.next() { found.append((batch, stream.position)) }
        #expect(try stream.next() == nil)
        return found
    }

    /// Answers in a batch, one a segment.
    private func answers(_ batch: TokenBatch) -> [String] {
        (0..<batch.segments.count - 1).map { segment in
            let labels = batch.labels[batch.segments[segment]..<batch.segments[segment + 1]].filter { $0 >= 0 }
            return ByteTokenizer().decodeString(labels)
        }
    }

    @Test(arguments: [true, false]) func everySampleOnceAnEpoch(packing: Bool) throws {
        let dataset = try dataset(packing: packing)
        let found = try all(dataset, BatchShape(rowsPerBatch: 3), epochs: 1).flatMap { answers($0.batch) }
        let expected = try (0..<32).map { try dataset.conversation(dataset.row(ofDraw: $0)).turns!.last!.text }
        #expect(found.sorted() == expected.sorted() && found.count == 32)
        let twice = try all(dataset, BatchShape(rowsPerBatch: 3)).flatMap { answers($0.batch) }
        #expect(twice.sorted() == (expected + expected).sorted())
    }

    @Test func batchesAreWellFormed() throws {
        for packing in [true, false] {
            let found = try all(try dataset(packing: packing), BatchShape(rowsPerBatch: 3))
            for (index, item) in found.enumerated() {
                let batch = item.batch
                #expect(batch.segments.first == 0 && batch.segments.last == batch.tokens.count, "batch \(index)")
                #expect(batch.tokens.count == batch.labels.count && batch.tokens.count == batch.positions.count, "batch \(index)")
                #expect(batch.trainedTokens == batch.labels.count { $0 != -100 }, "batch \(index)")
                #expect(batch.rows == 3 || index == found.count - 1, "batch \(index)")
                #expect(batch.tokens.count <= batch.rows * 64, "batch \(index)")
                if !packing { #expect(batch.segments.count == batch.rows + 1, "batch \(index)") }
                for (start, end) in zip(batch.segments, batch.segments.dropFirst()) {
                    #expect(Array(batch.positions[start..<end]) == Array(0..<Int32(end - start)), "batch \(index)")
                    // The last position of a segment carries a label: what follows it is not stored.
                    #expect(batch.labels[end - 1] != -100, "batch \(index)")
                    // A label is the next token, where that one is stored.
                    #expect((start..<end - 1).allSatisfy { batch.labels[$0] == -100 || batch.labels[$0] == batch.tokens[$0 + 1] }, "batch \(index)")
                }
            }
        }
    }

    @Test func neitherThreadsNorPrefetchChangeTheBatches() throws {
        let dataset = try dataset()
        let one = try all(dataset, BatchShape(rowsPerBatch: 2), threads: 1, prefetch: 0)
        for (threads, prefetch) in [(2, 0), (4, 1), (3, 8)] {
            let other = try all(dataset, BatchShape(rowsPerBatch: 2), threads: threads, prefetch: prefetch)
            #expect(one.map(\.batch) == other.map(\.batch) && one.map(\.position) == other.map(\.position), "\(threads) threads, \(prefetch) ahead")
        }
    }

    @Test(arguments: [true, false]) func everyPositionGoesOnExactly(packing: Bool) throws {
        let dataset = try dataset(packing: packing, weights: packing ? [2, 1] : [nil, nil])
        let shape = BatchShape(rowsPerBatch: packing ? 1 : 2)
        let straight = try all(dataset, shape)
        #expect(straight.count > 10)
        for (index, item) in straight.enumerated() {
            let saved = try JSONDecoder().decode(DataPosition.self, from: JSONEncoder().encode(item.position))
            #expect(saved == item.position)
            let rest = try all(dataset, shape, from: saved, prefetch: index % 3)
            #expect(rest.map(\.batch) == straight[(index + 1)...].map(\.batch), "after batch \(index)")
            #expect(rest.map(\.position) == straight[(index + 1)...].map(\.position), "after batch \(index)")
        }
    }

    @Test func positionsOfAnEndlessStreamGoOnToo() throws {
        let dataset = try dataset()
        var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 4))
        for _ in 0..<50 { #expect(try stream.next()?.rows == 4) }
        var again = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 4), from: stream.position)
        #expect(stream.position.epoch > 3)
        for index in 0..<10 { #expect(try again.next() == stream.next(), "batch \(index)") }
    }

    /// Two texts of 45 letters and an end, each in two parts of 23 after its bos.
    @Test(arguments: [true, false]) func longTextsComeWholeInAsManyPassesAsParts(packing: Bool) throws {
        let texts = [33..<78, 78..<123].map { (letters: Range<UInt8>) in ["text": String(decoding: letters, as: UTF8.self)] }
        let dataset = try byteDataset([DatasetFile(path: directory.write("long.jsonl", rows: texts))], maxLength: 24) {
            $0.packing = packing
            $0.heldBack = .count(0)
        }
        let straight = try all(dataset, BatchShape(rowsPerBatch: 1))
        let labels = straight.map { $0.batch.labels.filter { $0 >= 0 } }
        #expect(labels.map(\.count) == [23, 23, 22, 22])
        #expect(Set(labels.joined()).union(straight.flatMap(\.batch.tokens)) == Set((33..<123) + [256, 257]))
        #expect(Set(labels[..<2].joined()).isDisjoint(with: labels[2...].joined()))
        for (index, item) in straight.enumerated() {
            #expect(try all(dataset, BatchShape(rowsPerBatch: 1), from: item.position).map(\.batch) == straight[(index + 1)...].map(\.batch))
        }
        #expect(try dataset.plan(epochs: 2, rowsPerBatch: 1).microBatches == 4)
    }

    @Test func ranksShareTheBatchesOfOne() throws {
        let dataset = try dataset()
        let alone = try all(dataset, BatchShape(rowsPerBatch: 2))
        for world in [2, 3, 4] {
            let ranks = try (0..<world).map { try all(dataset, BatchShape(rowsPerBatch: 2, rank: $0, world: world)) }
            #expect(Set(ranks.map(\.count)).count == 1, "\(world) ranks")
            #expect(ranks.allSatisfy { $0.map(\.position) == ranks[0].map(\.position) }, "\(world) ranks")
            let together = ranks[0].indices.flatMap { step in ranks.map { $0[step].batch } }
            #expect(together.filter { $0.rows > 0 } == alone.map(\.batch), "\(world) ranks")
            let resumed = try all(dataset, BatchShape(rowsPerBatch: 2, rank: 1, world: world), from: ranks[0][1].position)
            #expect(resumed.map(\.batch) == ranks[1].dropFirst(2).map(\.batch), "\(world) ranks")
        }
    }

    @Test func evaluationIsTheSameEveryTime() throws {
        let dataset = try dataset()
        func batches() throws -> [TokenBatch] {
            var stream = try dataset.evaluationBatches(BatchShape(rowsPerBatch: 1))
            var found: [TokenBatch] = []
            while let batch = try stream.next() { found.append(batch) }
            return found
        }
        let first = try batches()
        let held = try dataset.heldBack.map { try dataset.conversation($0).turns!.last!.text }
        #expect(first.flatMap(answers).sorted() == held.sorted() && held.count == 5)
        #expect(try batches() == first)
    }

    @Test func nothingToTrainIsAnError() throws {
        let path = directory.write("a", rows: [["instruction": "a long instruction", "output": "b"], ["instruction": "c", "output": ""]])
        let dataset = try byteDataset([DatasetFile(path: path)], maxLength: 8)
        var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 1))
        let text = message { try stream.next() }
        #expect(text.hasPrefix("no row gives a token to train on (") && text.contains("empty answer"), "\(text)")
        #expect(message { try stream.next() } == text)
    }

    @Test func positionsOfOtherDataAreRefused() throws {
        let dataset = try dataset()
        let position = try all(dataset, BatchShape(rowsPerBatch: 1))[5].position
        func refused(_ change: (inout DataPosition) -> Void) -> Bool {
            var changed = position
            change(&changed)
            return message { try all(dataset, BatchShape(rowsPerBatch: 1), from: changed) }.contains("the saved data position")
        }
        #expect(!refused { _ in })
        #expect(refused { $0.version = 9 })
        #expect(refused { $0.epoch = .max })
        #expect(refused { $0.epoch = -1 })
        #expect(refused { $0.sampleIndex = 1000 })
        #expect(refused { $0.waiting = [1_000_000] })
        #expect(refused { $0.waiting = [-1] })
        #expect(refused { $0.waiting = [Int](repeating: 0, count: 100) })
    }

    /// A run of so many micro-batches goes on into the next pass, and fills every row.
    @Test func planOfMicroBatchesIsTheStream() throws {
        for packing in [true, false] {
            let dataset = try dataset(packing: packing)
            for count in [1, 3, 40] {
                var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 2))
                var tokens = 0, trained = 0
                for _ in 0..<count {
                    guard let batch = try stream.next() else { break }
                    (tokens, trained) = (tokens + batch.tokens.count, trained + batch.trainedTokens)
                }
                let plan = try dataset.plan(microBatches: count, rowsPerBatch: 2), position = stream.position, epoch = dataset.mixture.drawsPerEpoch
                let passes = Double(position.epoch * epoch + position.sampleIndex - position.waiting.count) / Double(epoch)
                #expect([plan.microBatches, plan.tokens, plan.trainedTokens] == [count, tokens, trained] && plan.isExact, "\(count), packing \(packing)")
                #expect(abs(plan.passes - passes) < 1e-9, "\(count), packing \(packing)")
                guard count == 40 else { continue }
                let projected = try dataset.plan(microBatches: 1000 * count, rowsPerBatch: 2, limit: 320)
                #expect(!projected.isExact && abs(projected.passes / (1000 * passes) - 1) < 0.1, "\(projected)")
            }
        }
    }

    @Test func planCountsWhatTrainingGives() throws {
        for packing in [true, false] {
            let dataset = try dataset(packing: packing)
            for epochs in [0.5, 1, 3] {
                let batches = try all(dataset, BatchShape(rowsPerBatch: 2), epochs: epochs).map(\.batch)
                let plan = try dataset.plan(epochs: epochs, rowsPerBatch: 2)
                let found = [batches.count, batches.reduce(0) { $0 + $1.tokens.count }, batches.reduce(0) { $0 + $1.trainedTokens }]
                #expect([plan.microBatches, plan.tokens, plan.trainedTokens] == found, "\(epochs) epochs, packing \(packing)")
                #expect(plan.isExact)
            }
        }
    }
}
