import Basics
import Foundation
import Storage
import Testing

@Suite struct SafetensorsTests {
    @Test(arguments: ["f64", "f32", "f16", "bf16"])
    func readsEveryFloatType(_ name: String) throws {
        let stored = try SafetensorsDirectory(file: goldens + "/types.safetensors")
        let expected = try SafetensorsDirectory(file: goldens + "/types-f32.safetensors")
        #expect(try stored.shape(of: name) == [3, 4])
        #expect(try stored.elementType(of: name).name == name.uppercased())
        let values = try stored.floats(name)
        #expect(values.count == 12)
        #expect(bitPatterns(values) == bitPatterns(try expected.floats(name)))
    }

    @Test func listsTheRestAndRefusesToReadIt() throws {
        let source = try SafetensorsDirectory(file: goldens + "/types.safetensors")
        #expect(source.names == ["bf16", "empty", "f16", "f32", "f64", "i64", "scalar", "u8"])
        #expect(try source.shape(of: "scalar") == [])
        #expect(try source.floats("scalar") == [2.5])
        #expect(try source.shape(of: "empty") == [0, 4])
        #expect(try source.floats("empty") == [])
        #expect(try SafetensorsFile(path: goldens + "/types.safetensors").metadata == ["format": "pt", "note": "größe"])
        #expect(failure { _ = try source.floats("i64") }?.code == .unsupported)
        #expect(failure { _ = try source.floats("none") }?.code == .missing)
        #expect(failure { try [Float](repeating: 0, count: 3).withUnsafeBufferPointer { try source.read("f32", into: .init(mutating: $0)) } }?.code == .mismatch)
    }

    @Test func roundsToBFloat16AsTorch() throws {
        let source = try SafetensorsDirectory(file: goldens + "/rounding.safetensors")
        let rounded = try source.bfloat16("values")
        #expect(rounded.count > 200)
        #expect(rounded == (try source.bfloat16("rounded")))
        #expect(FloatFormats.float(bfloat16: FloatFormats.bfloat16(.nan)).isNaN)
    }

    @Test func mapsInPlace() throws {
        let source = try SafetensorsDirectory(file: goldens + "/types.safetensors")
        let mapped = try #require(source.mapped("bf16"))
        #expect(Array(mapped.bindMemory(to: UInt16.self)) == (try source.bfloat16("bf16")))
        #expect(source.mapped("none") == nil)
    }

    @Test func readsShards() throws {
        let source = try SafetensorsDirectory(path: goldens + "/sharded")
        #expect(source.names == ["a", "b", "c"])
        let whole = try SafetensorsDirectory(file: goldens + "/types-f32.safetensors")
        #expect(try source.floats("a") == whole.floats("f32"))
        #expect(try source.floats("b") == whole.floats("f16"))
        #expect(try source.floats("c") == whole.floats("bf16"))
    }

    @Test func refusesWrongIndexes() throws {
        try withScratch { scratch in
            #expect(failure { _ = try SafetensorsDirectory(path: scratch) }?.code == .notFound)
            let index = scratch + "/model.safetensors.index.json"
            for (text, code) in [
                (#"{"weight_map": {"a": "absent.safetensors"}}"#, StorageError.Code.notFound),
                (#"{"weight_map": {"a": "../x.safetensors"}}"#, .malformed), (#"{"weight_map": {"a": 1}}"#, .malformed),
                (#"{"weight_map": {}}"#, .malformed), (#"{"weight_map""#, .malformed),
                (#"{"weight_map": {"a": "one.safetensors", "z": "one.safetensors"}}"#, .missing),
            ] {
                try write(Array(text.utf8), to: index)
                try write(bytes(goldens + "/sharded/model-00001-of-00002.safetensors"), to: scratch + "/one.safetensors")
                #expect(failure { _ = try SafetensorsDirectory(path: scratch) }?.code == code, "\(text)")
            }
        }
    }

    private func file(header: String, data: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + [UInt8](repeating: 0, count: data)
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8, nil as StorageError.Code?),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, .truncated),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, .malformed),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0, .malformed),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, 0, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}"#, 8, .truncated),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"X32","shape":[2],"data_offsets":[0,8]}}"#, 8, .unsupported),
        (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"a":1}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, .malformed),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#, 12, .malformed),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8, .malformed),
        (#"{"__metadata__":{"x":1}}"#, 0, .malformed),
        (#"["a"]"#, 0, .malformed), (#"{"a""#, 0, .malformed), ("", 0, .malformed),
    ])
    func checksTheHeader(_ header: String, _ data: Int, _ code: StorageError.Code?) throws {
        try withScratch { scratch in
            let path = scratch + "/x.safetensors"
            try write(file(header: header, data: data), to: path)
            #expect(failure { _ = try SafetensorsFile(path: path) }?.code == code, "\(header)")
        }
    }

    @Test func refusesEveryTruncation() throws {
        try withScratch { scratch in
            let whole = try bytes(goldens + "/types.safetensors"), path = scratch + "/x.safetensors"
            for count in 0..<whole.count {
                try write(Array(whole[..<count]), to: path)
                #expect(failure { _ = try SafetensorsFile(path: path) } != nil, "\(count) bytes")
            }
            try write([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x7B], to: path)
            #expect(failure { _ = try SafetensorsFile(path: path) }?.code == .malformed)
        }
    }

    @Test func survivesMutations() throws {
        try withScratch { scratch in
            let whole = try bytes(goldens + "/types.safetensors"), path = scratch + "/x.safetensors"
            var random = Random(state: 1)
            var refused = 0
            for _ in 0..<2000 {
                var mutated = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    mutated[Int.random(in: 0..<700, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                try write(mutated, to: path)
                do {
                    let source = try SafetensorsDirectory(file: path)
                    for name in source.names { _ = try? source.floats(name) }
                } catch { refused += 1 }
            }
            #expect(refused > 500)
        }
    }
}
