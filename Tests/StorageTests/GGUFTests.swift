import Basics
import Foundation
import Storage
import Testing

@Suite struct GGUFTests {
    @Test(arguments: ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"])
    func dequantizesToTheReferencesBits(_ type: String) throws {
        let file = try GGUFFile(path: goldens + "/quants.gguf")
        let expected = try SafetensorsDirectory(file: goldens + "/quants.safetensors")
        let tensor = try #require(file.tensor(type))
        #expect(tensor.type.name == type)
        #expect(try tensor.shape == expected.shape(of: type))
        let values = try file.floats(tensor)
        #expect(values.contains { $0 != 0 })
        #expect(bitPatterns(values) == bitPatterns(try expected.floats(type)))
    }

    @Test(arguments: ["Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS"])
    func dequantizesSmallTypesToTheReferencesBits(_ type: String) throws {
        let file = try GGUFFile(path: goldens + "/small-quants.gguf")
        let tensor = try #require(file.tensor(type))
        let values = try file.floats(tensor), expected = try SafetensorsDirectory(file: goldens + "/small-quants.safetensors").floats(type)
        #expect(Set(values.map(\.sign)).count == 2 && values.contains { $0 != 0 })
        #expect(bitPatterns(values) == bitPatterns(expected))
    }

    @Test func readsEveryKindOfMetadata() throws {
        let metadata = try GGUFFile(path: goldens + "/quants.gguf").metadata
        #expect(metadata["value.uint8"]?.int == 200)
        #expect(metadata["value.int8"]?.int == -100)
        #expect(metadata["value.uint16"]?.int == 60000)
        #expect(metadata["value.int16"]?.int == -30000)
        #expect(metadata["value.uint32"]?.int == 4_000_000_000)
        #expect(metadata["value.int32"]?.int == -2_000_000_000)
        #expect(metadata["value.uint64"]?.int == nil)
        #expect(metadata["value.uint64"]?.double == 0x1p64)
        #expect(metadata["value.int64"]?.int == -(1 << 62))
        #expect(metadata["value.float32"]?.double == 1.5)
        #expect(metadata["value.float64"]?.double == 1e-300)
        #expect(metadata["value.bool"]?.bool == true)
        #expect(metadata["value.string"]?.string == "naïve 模型")
        #expect(try metadata["array.int32"]?.array?.integers() == [1, -2, 3])
        #expect(try metadata["array.float32"]?.array?.floats() == [0.5, -0.25])
        #expect(try metadata["array.string"]?.array?.strings() == ["a", "", "▁b"])
        #expect(try metadata["array.bool"]?.array?.elements().map(\.bool) == [true, false])
        #expect(try metadata["array.array"]?.array?.elements().map { try $0.array?.integers() } == [[1, 2], [3]])
        #expect(try metadata["array.int32"]?.array?.strings() == nil)
        #expect(try metadata["array.string"]?.array?.integers() == nil)
    }

    private func opening(_ bytes: [UInt8], in scratch: String) -> StorageError? {
        let path = scratch + "/x.gguf"
        return failure {
            try write(bytes, to: path)
            _ = try GGUFFile(path: path)
        }
    }

    @Test func checksMagicAndVersion() throws {
        try withScratch { scratch in
            var file = try bytes(goldens + "/qwen2.gguf")
            file[4] = 2
            #expect(opening(file, in: scratch) == nil)
            for version: [UInt8] in [[1, 0, 0, 0], [4, 0, 0, 0], [0, 0, 0, 3], [0, 0, 0, 0]] {
                file.replaceSubrange(4..<8, with: version)
                let error = opening(file, in: scratch)
                #expect(error?.code == .unsupported)
                #expect(error?.message.contains("big-endian") == (version == [0, 0, 0, 3]))
            }
            file[0] = UInt8(ascii: "g")
            #expect(opening(file, in: scratch)?.code == .malformed)
            #expect(failure { _ = try GGUFFile(path: scratch + "/none") }?.code == .notFound)
            #expect(failure { _ = try GGUFFile(path: scratch) }?.code == .notFound)
        }
    }

    private func little(_ values: [(UInt64, Int)]) -> [UInt8] {
        values.flatMap { value, size in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
    }

    @Test func refusesAbsurdCounts() throws {
        try withScratch { scratch in
            let start = Array("GGUF".utf8) + little([(3, 4)])
            let key = little([(1, 8)]) + [UInt8(ascii: "k")]
            let padding = [UInt8](repeating: 0, count: 64)
            for absurd in [UInt64.max, 1 << 63, 1 << 62, 1 << 40, 1000] {
                #expect(opening(start + little([(absurd, 8), (0, 8)]) + padding, in: scratch) != nil, "tensors \(absurd)")
                #expect(opening(start + little([(0, 8), (absurd, 8)]) + padding, in: scratch) != nil, "values \(absurd)")
                #expect(opening(start + little([(0, 8), (1, 8), (absurd, 8)]) + padding, in: scratch) != nil, "key length \(absurd)")
                #expect(opening(start + little([(0, 8), (1, 8)]) + key + little([(8, 4), (absurd, 8)]) + padding, in: scratch) != nil, "string \(absurd)")
                for type: UInt64 in 0...13 {
                    let array = little([(9, 4), (type, 4), (absurd, 8)])
                    #expect(opening(start + little([(0, 8), (1, 8)]) + key + array + padding, in: scratch) != nil, "array \(type) \(absurd)")
                }
                // name, rank, shape, type, offset
                let tensor = key + little([(2, 4), (absurd, 8), (absurd, 8), (0, 4), (0, 8)])
                #expect(opening(start + little([(1, 8), (0, 8)]) + tensor + padding, in: scratch) != nil, "shape \(absurd)")
                let rank = key + little([(absurd & 0xFFFF_FFFF | 8, 4)])
                #expect(opening(start + little([(1, 8), (0, 8)]) + rank + padding, in: scratch) != nil, "rank \(absurd)")
                let offset = key + little([(1, 4), (1, 8), (0, 4), (absurd & ~31, 8)])
                #expect(opening(start + little([(1, 8), (0, 8)]) + offset + padding, in: scratch) != nil, "offset \(absurd)")
            }
            // Arrays within arrays without end.
            let nested = (0..<4).flatMap { _ in little([(9, 4), (1, 8)]) }
            let deep = start + little([(0, 8), (1, 8)]) + key + little([(9, 4)]) + nested + nested + nested + nested
            #expect(opening(deep + padding, in: scratch)?.code == .unsupported)
            // A zero alignment, and one that is no power of two.
            for alignment: UInt64 in [0, 3, 48, 0xFFFF_FFFF] {
                let value = little([(17, 8)]) + Array("general.alignment".utf8) + little([(4, 4), (alignment, 4)])
                #expect(opening(start + little([(0, 8), (1, 8)]) + value + padding, in: scratch)?.code == .malformed)
            }
        }
    }

    @Test func refusesEveryTruncation() throws {
        try withScratch { scratch in
            let whole = try bytes(goldens + "/qwen2.gguf")
            // Padding may follow the last tensor.
            let file = try GGUFFile(path: goldens + "/qwen2.gguf")
            let end = try #require(file.tensors.map(\.range.upperBound).max())
            let header = try #require(file.tensors.map(\.range.lowerBound).min())
            for count in Array(0..<header) + Array(stride(from: header, to: end, by: 101)) { #expect(opening(Array(whole[..<count]), in: scratch) != nil, "\(count) bytes") }
        }
    }

    @Test func survivesMutations() throws {
        try withScratch { scratch in
            let whole = try bytes(goldens + "/qwen2.gguf"), path = scratch + "/x.gguf"
            let header = try #require(try GGUFFile(path: goldens + "/qwen2.gguf").tensors.map(\.range.lowerBound).min())
            var random = Random(state: 2)
            var refused = 0
            for _ in 0..<2000 {
                var mutated = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let byte = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : [0, 0xFF, 0x7F, 0x80].randomElement(using: &random)!
                    mutated[Int.random(in: 4..<header, using: &random)] = byte
                }
                try write(mutated, to: path)
                do {
                    let file = try GGUFFile(path: path)
                    for tensor in file.tensors { _ = try? file.floats(tensor) }
                    for value in file.metadata.values { _ = try? value.array?.elements() }
                    let weights = try GGUFWeights(file)
                    for name in weights.names { _ = try? weights.floats(name) }
                    _ = try GGUFTokenizer(file)
                } catch { refused += 1 }
            }
            #expect(refused > 500)
        }
    }
}
