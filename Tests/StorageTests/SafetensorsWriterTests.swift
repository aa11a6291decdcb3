import Basics
import Foundation
import Storage
import Testing

@Suite struct SafetensorsWriterTests {
    private let values = (0..<70_000).map { Float($0) * 0.37 - 5000 }

    @Test func writesWhatIsReadBack() throws {
        try withScratch { scratch in
            let path = scratch + "/x.safetensors"
            let writer = try SafetensorsWriter(path: path, tensors: [
                TensorDescription(name: "half", type: .float16, shape: [7, 10_000]), TensorDescription(name: "odd", type: .bfloat16, shape: [3]),
                TensorDescription(name: "full", type: .float32, shape: [70_000]), TensorDescription(name: "brain", type: .bfloat16, shape: [2, 35_000]),
                TensorDescription(name: "none", type: .float32, shape: [0, 3]),
            ])
            try writer.write("brain", values)
            try writer.write("full", values)
            try writer.write("half", values)
            try [UInt16](arrayLiteral: 1, 2, 3).withUnsafeBytes { try writer.write("odd", bytes: $0) }
            try writer.finish()

            let file = try SafetensorsFile(path: path)
            #expect(file.metadata == ["format": "pt"])
            let source = try SafetensorsDirectory(file: path)
            #expect(source.names == ["brain", "full", "half", "none", "odd"])
            #expect(try source.floats("full") == values)
            #expect(try source.floats("half") == values.map { Float(Float16($0)) })
            #expect(try source.bfloat16("brain") == values.map { FloatFormats.bfloat16($0) })
            #expect(try source.bfloat16("odd") == [1, 2, 3])
            #expect(source.mapped("full") != nil && source.mapped("half") != nil && source.mapped("brain") != nil)
        }
    }

    @Test func refusesWhatDoesNotFit() throws {
        try withScratch { scratch in
            let one = TensorDescription(name: "a", type: .float32, shape: [2])
            let writer = try SafetensorsWriter(path: scratch + "/x", tensors: [one])
            #expect(failure { try writer.write("a", [1]) }?.code == .mismatch)
            #expect(failure { try writer.write("b", [1]) }?.code == .mismatch)
            #expect(failure { try writer.finish() }?.code == .missing)
            try writer.write("a", [1, 2])
            #expect(failure { try writer.write("a", [1, 2]) }?.code == .mismatch)
            #expect(failure { _ = try SafetensorsWriter(path: scratch + "/y", tensors: [one, one]) }?.code == .mismatch)
            #expect(failure { _ = try SafetensorsWriter(path: scratch + "/no/y", tensors: [one]) }?.code == .unwritable)
            #expect(failure {
                let full = try SafetensorsWriter(path: "/dev/full", tensors: [one])
                try full.write("a", [1, 2])
                try full.finish()
            }?.code == .noSpace)
        }
    }

    @Test func writesShards() throws {
        try withScratch { scratch in
            let tensors = ["a", "b", "c"].map { TensorDescription(name: $0, type: .float32, shape: [100]) }
            let writer = try ShardedSafetensorsWriter(directory: scratch, tensors: tensors, shardSize: 900)
            for (index, name) in ["c", "a", "b"].enumerated() { try writer.write(name, [Float](repeating: Float(index), count: 100)) }
            try writer.finish()
            #expect(try FileSystem.names(in: scratch) == [
                "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
            ])
            #expect(try JSONValue.read(scratch + "/model.safetensors.index.json")["metadata"]?["total_size"]?.int == 1200)
            let source = try SafetensorsDirectory(path: scratch)
            #expect(try ["a", "b", "c"].map { try source.floats($0)[99] } == [1, 2, 0])
        }
    }

    @Test func directoriesAppearAtOnceOrNotAtAll() throws {
        try withScratch { scratch in
            let path = scratch + "/deep/out/"
            struct Stop: Error {}
            #expect(throws: Stop.self) {
                try AtomicDirectory.create(path) { temporary in
                    try write([1], to: temporary + "/x")
                    throw Stop()
                }
            }
            #expect(try FileSystem.names(in: scratch + "/deep") == [])
            try AtomicDirectory.create(path) { try write([1, 2], to: $0 + "/x") }
            #expect(try bytes(scratch + "/deep/out/x") == [1, 2])
            #expect(try FileSystem.names(in: scratch + "/deep") == ["out"])
            #expect(failure { try AtomicDirectory.create(path) { _ in } }?.code == .unwritable)
            #expect(try bytes(scratch + "/deep/out/x") == [1, 2])
            try FileSystem.createDirectory(scratch + "/empty")
            try AtomicDirectory.create(scratch + "/empty") { try write([3], to: $0 + "/y") }
            #expect(try bytes(scratch + "/empty/y") == [3])
        }
    }
}
