import Foundation
import HealData
import Testing

@Suite struct DatasetTests {
    let directory = TemporaryDirectory()

    private func answers(_ dataset: Dataset, _ ids: [Dataset.RowID]) throws -> Set<String> {
        Set(try ids.map { id in try dataset.conversation(id).turns!.last!.text })
    }

    private func trainedAnswers(_ dataset: Dataset, epochs: Int = 2) throws -> [String] {
        try (0..<epochs * dataset.mixture.drawsPerEpoch).map { draw in
            try dataset.conversation(dataset.row(ofDraw: draw)).turns!.last!.text
        }
    }

    @Test func heldBackRowsAreNeverDrawn() throws {
        let files = [DatasetFile(path: directory.alpaca("a", count: 40, tag: "a")), DatasetFile(path: directory.alpaca("b", count: 20, tag: "b"))]
        let dataset = try byteDataset(files) { $0.heldBack = .fraction(0.1) }
        #expect(dataset.sources.map(\.heldBackCount) == [4, 2])
        #expect(dataset.heldBack.count == 6 && dataset.mixture.drawsPerEpoch == 54)
        let held = try answers(dataset, dataset.heldBack)
        let trained = try trainedAnswers(dataset)
        #expect(held.count == 6 && held.isDisjoint(with: trained))
        #expect(Set(trained).count == 54)
    }

    @Test func heldBackRowsDependOnTheFileAndTheSeedAlone() throws {
        let a = DatasetFile(path: directory.alpaca("a", count: 40, tag: "a")), b = DatasetFile(path: directory.alpaca("b", count: 20, tag: "b"))
        func held(_ files: [DatasetFile], seed: UInt64) throws -> Set<String> {
            let dataset = try byteDataset(files) { $0.heldBack = .fraction(0.2); $0.seed = seed }
            return try answers(dataset, dataset.heldBack)
        }
        #expect(try held([a, b], seed: 1) == held([b, a], seed: 1))
        #expect(try held([a, b], seed: 1).isSuperset(of: held([a], seed: 1)))
        #expect(try held([a, b], seed: 1) != held([a, b], seed: 2))
    }

    @Test func heldBackCountsAreSplitByRows() throws {
        let files = [DatasetFile(path: directory.alpaca("a", count: 30)), DatasetFile(path: directory.alpaca("b", count: 10, tag: "b"))]
        #expect(try byteDataset(files) { $0.heldBack = .count(8) }.sources.map(\.heldBackCount) == [6, 2])
        #expect(try byteDataset(files) { $0.heldBack = .count(1000) }.sources.map(\.heldBackCount) == [29, 9])
        #expect(try byteDataset(files).sources.map(\.heldBackCount) == [0, 0])
    }

    @Test func validationFilesAreHeldBackWhole() throws {
        let files = [DatasetFile(path: directory.alpaca("a", count: 10, tag: "a")), DatasetFile(path: directory.alpaca("b", count: 5, tag: "b"), split: .validation)]
        let dataset = try byteDataset(files)
        #expect(dataset.heldBack.count == 5 && dataset.mixture.drawsPerEpoch == 10)
        #expect(try trainedAnswers(dataset).allSatisfy { $0.hasPrefix("a") })
    }

    @Test func copiesOfHeldBackRowsAreNotTrained() throws {
        // The same conversations in another format and another file.
        let rows = (0..<10).map { ("q\($0)", "answer\($0)") }
        let held = directory.write("held", rows: rows.map { ["instruction": $0.0, "output": $0.1] })
        let copies = directory.write("copies", rows: rows.map { ["id": "x\($0.0)", "data": [$0.0, $0.1]] } + [["id": "y", "data": ["q", "new"]]])
        let dataset = try byteDataset([DatasetFile(path: held, split: .validation), DatasetFile(path: copies)])
        var stream = try BatchStream(dataset, shape: BatchShape(rowsPerBatch: 4), epochs: 1)
        var text = ""
        while let batch = try stream.next() { text += ByteTokenizer().decodeString(batch.tokens) }
        #expect(text.contains("new") && !text.contains("answer"))
        #expect(stream.position.counters.skipped == [.heldBack: 10])
    }

    @Test func heldBackRowsAndTheirEqualsAreCounted() throws {
        let rows = (0..<10).map { ["instruction": "q\($0)", "output": "answer\($0)"] }
        let held = directory.write("held", rows: rows), copies = directory.write("copies", rows: rows + [["instruction": "q", "output": "new"]])
        let dataset = try byteDataset([DatasetFile(path: held, split: .validation), DatasetFile(path: copies)])
        let withheld = dataset.withheld(), all = try dataset.report().counters, plan = try dataset.plan(epochs: 1, rowsPerBatch: 1)
        #expect(withheld.rows == 20 && withheld.samples == 20)
        #expect(all.samples - withheld.samples == 1 && all.tokens - withheld.tokens == plan.tokens && all.trainedTokens - withheld.trainedTokens == plan.trainedTokens)
        #expect(try byteDataset([DatasetFile(path: copies)]).withheld().rows == 0)
    }

    @Test func optionsOutOfRangeAreErrors() {
        let path = directory.alpaca("a", count: 3)
        let file = DatasetFile(path: path)
        #expect(message { try byteDataset([]) } == "no data sets are given; add one to `datasets`")
        #expect(message { try byteDataset([DatasetFile(path: path, split: .validation)]) } == "no data set has the split `train`")
        #expect(message { try byteDataset([DatasetFile(path: path, weight: 0)]) } == "\(path): `weight` is 0.0; it must be a number above 0")
        #expect(message { try byteDataset([DatasetFile(path: path, weight: 1), file]) }.hasPrefix("\(path): `weight` is missing"))
        #expect(message { try byteDataset([file]) { $0.heldBack = .fraction(1) } } == "`val_size` is 1.0; a part must be at least 0 and below 1")
        #expect(message { try byteDataset([file]) { $0.heldBack = .count(-1) } } == "`val_size` is -1; it cannot be negative")
        #expect(message { try byteDataset([file], maxLength: 1) } == "`max_seq_length` is 1; it must be at least 2")
    }

    @Test func missingMarksAreErrors() throws {
        let file = DatasetFile(path: directory.alpaca("a", count: 3))
        func open(_ template: ChatTemplate, _ special: SpecialTokens) throws -> Dataset {
            try Dataset(files: [file], encoder: SampleEncoder(tokenizer: ByteTokenizer(special: special), template: template, maxLength: 50))
        }
        #expect(message { try open(.plain, SpecialTokens(bos: 256)) }.hasPrefix("the template `plain` writes the eos token, but the tokenizer has none"))
        #expect(message { try open(.llama2, SpecialTokens(eos: 257)) }.hasPrefix("the template `llama2` writes the bos token, but the tokenizer has none"))
        _ = try open(.chatml(ChatMLTemplate()), SpecialTokens())
        _ = try open(.zephyr, SpecialTokens(eos: 257))
    }

    private let mixed = """
        {"instruction":"a","output":"good"}
        {"instruction":"a","output":""}

        {"instruction":"a"}
        {"instruction":"a","output":"\u{85}good\u{2028}"}
        {broken
        """

    @Test func badRowsStopOrAreCounted() throws {
        let path = directory.write("a", mixed)
        let strict = try byteDataset([DatasetFile(path: path)])
        var stream = try BatchStream(strict, shape: BatchShape(rowsPerBatch: 1), epochs: 1)
        let text = message { while try stream.next() != nil {} }
        #expect(text.hasPrefix("\(path):4: `output` is missing") || text.hasPrefix("\(path):6: not valid JSON"), "\(text)")

        let lenient = try byteDataset([DatasetFile(path: path)]) { $0.onBadLine = .skip }
        var second = try BatchStream(lenient, shape: BatchShape(rowsPerBatch: 1), epochs: 1)
        while try second.next() != nil {}
        let counters = second.position.counters
        #expect(counters.rows == 5 && counters.samples == 2 && counters.skipped == [.badRow: 2, .emptyAnswer: 1])
    }

    @Test func reportListsEveryBadRow() throws {
        let path = directory.write("a", mixed)
        let report = try byteDataset([DatasetFile(path: path)]).report()
        let file = report.files[0]
        #expect(file.errorCount == 2 && file.firstErrors.map(\.place) == ["\(path):4", "\(path):6"])
        #expect(file.counters.samples == 2 && file.counters.skipped[.emptyAnswer] == 1)
        #expect(file.counters.trainedTokens == 2 * 4 + 2 + 2 + 3)
    }

    @Test func previewShowsTheText() throws {
        let path = directory.write("a", rows: [["instruction": "say é", "output": "yes 🙂"]])
        let preview = try byteDataset([DatasetFile(path: path)], maxLength: 12).preview(5)
        #expect(preview.count == 1 && preview[0].place == "\(path):1" && preview[0].skipped == nil)
        // bos and 7 bytes of prompt, so 4 of the answer's fit.
        #expect(preview[0].runs.map(\.text) == ["say é\n", "yes ", "🙂</s>"])
        #expect(preview[0].runs.map(\.trained) == [false, true, true])
        #expect(preview[0].runs.map(\.cutOff) == [false, false, true])
    }

    @Test func fingerprintNamesWhatChanged() throws {
        let path = directory.alpaca("a", count: 10)
        let before = try byteDataset([DatasetFile(path: path)]).fingerprint
        let saved = try JSONDecoder().decode(DataFingerprint.self, from: JSONEncoder().encode(before))
        #expect(before.differences(from: saved) == [])
        let moved = directory.url.appendingPathComponent("moved").path
        try FileManager.default.copyItem(atPath: path, toPath: moved)
        #expect(try byteDataset([DatasetFile(path: moved)]).fingerprint.differences(from: saved) == [])

        let other = try byteDataset([DatasetFile(path: path, weight: 2)], template: .llama2, maxLength: 65) { $0.seed = 8; $0.packing = false }
        #expect(other.fingerprint.differences(from: saved) == [
            "\(path) has the weight 2.0, had none", "`chat_template` is llama2, was plain", "`data_seed` is 8, was 7",
            "`max_seq_length` is 65, was 64", "`packing` is false, was true",
        ])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "row3", with: "row4").write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try byteDataset([DatasetFile(path: path)]).fingerprint.differences(from: saved).first?.hasPrefix("\(path) has changed: 10 rows") == true)
    }
}
