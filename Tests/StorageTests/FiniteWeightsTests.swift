import Basics
import Foundation
import Storage
import Testing

@Suite struct FiniteWeightsTests {
    /// One tensor [3, 5] of ones with `value` at [1, 3].
    private func refusal(_ type: ElementType, _ value: Float, reading read: (FiniteWeights) throws -> Void) throws -> StorageError? {
        try withScratch { scratch in
            var values = [Float](repeating: 1, count: 15)
            values[8] = value
            let path = scratch + "/model.safetensors"
            let writer = try SafetensorsWriter(path: path, tensors: [TensorDescription(name: "a.weight", type: type, shape: [3, 5])])
            try writer.write("a.weight", values)
            try writer.finish()
            let weights = FiniteWeights(try SafetensorsDirectory(path: scratch))
            return failure { try read(weights) }
        }
    }

    static let readers: [@Sendable (FiniteWeights) throws -> Void] = [
        { _ = try $0.floats("a.weight") }, { _ = try $0.bfloat16("a.weight") }, { _ = try $0.mapped("a.weight") }, { try $0.check("a.weight") },
    ]

    @Test(arguments: [ElementType.float32, .float16, .bfloat16], [Float.nan, .infinity, -.infinity])
    func everyWayToReadNamesThePlace(_ type: ElementType, _ value: Float) throws {
        for read in Self.readers {
            let error = try #require(try refusal(type, value, reading: read))
            #expect(error.place == "a.weight")
            #expect(error.file.hasSuffix("model.safetensors"))
            #expect(error.message.contains("row 1, column 3"))
            #expect(error.message.contains(value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity"))
        }
    }

    /// A number that float64 holds and float32 does not is called what it is.
    @Test func numbersTooLargeForFloat32() throws {
        try withScratch { scratch in
            let header = Array(#"{"a":{"dtype":"F64","shape":[2,2],"data_offsets":[0,32]}}"#.utf8)
            var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
            for value in [1, 2, -1e300, 4] { file += withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
            try write(file, to: scratch + "/model.safetensors")
            let weights = FiniteWeights(try SafetensorsDirectory(path: scratch))
            for read in [{ try weights.check("a") }, { _ = try weights.floats("a") }] as [() throws -> Void] {
                #expect(failure(read)?.message.hasPrefix("row 1, column 0 (counted from 0) is -1e+300, too large for float32") == true)
            }
        }
    }

    @Test(arguments: [ElementType.float32, .float16, .bfloat16])
    func theLargestNumbersPass(_ type: ElementType) throws {
        for value: Float in [-65504, 0, -0, 0x1p-24] {
            for read in Self.readers { #expect(try refusal(type, value, reading: read) == nil, "\(value)") }
        }
    }

    /// Long enough for several pieces, the last of them short.
    @Test func everyPlaceIsLookedAt() throws {
        try withScratch { scratch in
            let count = 3 * 4096 + 7
            for place in [0, 4095, 4096, 8191, 2 * 4096 + 17, count - 1] {
                var values = [Float](repeating: 0.5, count: count)
                values[place] = .nan
                let writer = try SafetensorsWriter(path: scratch + "/model.safetensors", tensors: [TensorDescription(name: "a", type: .bfloat16, shape: [count])])
                try writer.write("a", values)
                try writer.finish()
                let weights = FiniteWeights(try SafetensorsDirectory(path: scratch))
                #expect(failure { try weights.check("a") }?.message.contains("element \(place) ") == true, "\(place)")
            }
        }
    }

    /// Rows of q are stored in another order than they are read in.
    @Test func ordersOfRowsAgree() throws {
        try withScratch { scratch in
            let name = "model.layers.0.self_attn.q_proj.weight"
            let original = try GGUFFile(path: goldens + "/llama.gguf"), stored = try #require(original.tensor("blk.0.attn_q.weight"))
            var file = try bytes(goldens + "/llama.gguf")
            // Row 1 as it is stored is row 4 of a head of 8: the first of its second half.
            let place = stored.range.lowerBound + (stored.shape[1] + 2) * 4
            file.replaceSubrange(place..<place + 4, with: [0, 0, 0xC0, 0x7F])
            try write(file, to: scratch + "/x.gguf")
            let weights = FiniteWeights(try GGUFWeights(GGUFFile(path: scratch + "/x.gguf")))
            let error = try #require(failure { try weights.check(name) })
            let row = try #require(try GGUFWeights(GGUFFile(path: scratch + "/x.gguf")).floats(name).firstIndex { $0.isNaN }) / stored.shape[1]
            #expect(row != 1)
            #expect(error.message.contains("row \(row), column 2"))
            #expect(failure { _ = try weights.floats(name) }?.message == error.message)
        }
    }

    /// A scale that is no number spoils its whole block.
    @Test(arguments: ["quants.gguf", "small-quants.gguf"])
    func scalesOfBlocks(_ name: String) throws {
        let scale = ["Q8_0": 0, "Q4_0": 0, "Q4_1": 2, "Q5_0": 0, "Q5_1": 2, "Q4_K": 2, "Q5_K": 0, "Q6_K": 208, "Q2_K": 82, "Q3_K": 108, "IQ4_NL": 0, "IQ4_XS": 0]
        let whole = try bytes(goldens + "/" + name)
        for tensor in try GGUFFile(path: goldens + "/" + name).tensors {
            guard let offset = scale[tensor.type.name] else { continue }
            try withScratch { scratch in
                var file = whole
                let place = tensor.range.lowerBound + tensor.type.bytesPerBlock + offset
                file.replaceSubrange(place..<place + 2, with: [0, 0x7E])
                try write(file, to: scratch + "/x.gguf")
                let values = try GGUFFile(path: scratch + "/x.gguf").floats(tensor)
                #expect(values.firstIndex { !$0.isFinite } == tensor.type.elementsPerBlock, "\(tensor.name)")
            }
        }
    }
}
