import Basics
import Foundation
import Testing
@testable import Trainer

@Suite struct TensorBoardFileTests {
    /// Values of RFC 3720, appendix B.4, and the masked ones of TensorBoard's library.
    @Test func checksums() {
        #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.of(Array(repeating: UInt8(0), count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.of(Array(UInt8(0)..<32)) == 0x46DD_794E)
        #expect(CRC32C.masked([]) == 0xA282_EAD8)
        #expect(CRC32C.masked(Array("123456789".utf8)) == 0xC78A_B0E5)
    }

    /// Byte for byte what TensorBoard's own classes write, for a run and its resumption: `Tests/Golden/config/tensorboard`.
    @Test func sameBytesAsTensorBoard() throws {
        let sample = "there was a crêpe " + String(repeating: "very ", count: 60)
        let events: [RunEvent] = [
            .evaluation(EvaluationReport(step: 0, stage: .dense, loss: 0, rows: 1, tokens: 1, seconds: 1)),
            .evaluation(EvaluationReport(step: 0, stage: .truncated, loss: 0, rows: 1, tokens: 1, seconds: 1)),
            stepReport(1, loss: 4), stepReport(2, loss: 3),
            .checkpoint(CheckpointReport(step: 2, path: "x", bytes: 1, seconds: 1)),
            stepReport(3, loss: 2.5), .sample(step: 3, prompt: "Once upon a\ntime", text: sample), .warning(step: 3, message: "the loss jumped"),
        ]
        try withTemporaryDirectory { directory in
            let folder = directory.appendingPathComponent("logs/board").path
            func write(_ events: [RunEvent], resumedStep: Int?) throws -> (path: String, bytes: Data) {
                let board = try TensorBoardFile(directory: folder, resumedStep: resumedStep, now: { 1_700_000_000.5 })
                for event in events { try board.record(event) }
                try board.synchronize()
                try board.close()
                return (board.path, try Data(contentsOf: URL(fileURLWithPath: board.path)))
            }
            let before = try write(events, resumedStep: nil)
            let after = try write([stepReport(3, loss: 2.25)], resumedStep: 2)
            #expect(before.bytes == (try Data(contentsOf: golden("config/tensorboard/before.bin"))))
            #expect(after.bytes == (try Data(contentsOf: golden("config/tensorboard/after.bin"))))
            // Readers take the files in the order of their names, also of two that began in the same second.
            #expect(before.path.hasSuffix("/events.out.tfevents.1700000000.heal"))
            #expect(after.path.hasSuffix("/events.out.tfevents.1700000001.heal"))
        }
    }

    /// The configuration as PyTorch's `add_hparams` and `add_text` put it: `Tests/Golden/config/tensorboard`.
    @Test func configuration() throws {
        try withTemporaryDirectory { directory in
            let text = #"{"a": {"off": false, "rate": 0.5}, "list": [1, 2], "name": "crêpe", "none": null, "steps": 3}"#
            let board = try TensorBoardFile(directory: directory.path, resumedStep: nil, about: JSONParser.parse(Array(text.utf8)), now: { 1_700_000_000.5 })
            try board.close()
            #expect(try Data(contentsOf: URL(fileURLWithPath: board.path)) == Data(contentsOf: golden("config/tensorboard/hparams.bin")))
        }
    }

    @Test func unwritableDirectory() {
        let error = #expect(throws: StorageError.self) { try TensorBoardFile(directory: "/dev/null/x", resumedStep: nil) }
        #expect(error?.file == "/dev/null/x")
    }

    @Test func notFiniteNumbersAreWritten() throws {
        try withTemporaryDirectory { directory in
            let board = try TensorBoardFile(directory: directory.path, resumedStep: nil)
            try board.record(stepReport(1, loss: .nan))
            try board.record(stepReport(2, loss: .infinity, memory: nil))
            try board.close()
        }
    }
}
