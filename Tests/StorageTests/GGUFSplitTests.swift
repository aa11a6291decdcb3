import Basics
import Foundation
import Storage
import Testing

@Suite struct GGUFSplitTests {
    private static func part(_ number: Int) -> String { "qwen2-0000\(number)-of-00003.gguf" }

    @Test(arguments: 1...3)
    func anyPartNamesTheWholeModel(_ part: Int) throws {
        let weights = try GGUFWeights(GGUFFile(path: goldens + "/split/" + Self.part(part)))
        let expected = try SafetensorsDirectory(path: goldens + "/qwen2")
        #expect(weights.names == expected.names)
        for name in expected.names { #expect(try weights.floats(name) == expected.floats(name), "\(name)") }
        #expect(try GGUFTokenizer(weights.file)?.tokens.count == 8)
    }

    private func failure(_ change: (_ directory: String) throws -> Void, opening part: Int = 1) throws -> StorageError? {
        try withScratch { scratch in
            for part in 1...3 { try write(try bytes(goldens + "/split/" + Self.part(part)), to: scratch + "/" + Self.part(part)) }
            try change(scratch)
            return StorageTests.failure { _ = try GGUFFile(path: scratch + "/" + Self.part(part)) }
        }
    }

    @Test func aMissingPartIsNamed() throws {
        let error = try failure { unlink($0 + "/" + Self.part(2)) }
        #expect(error?.code == .notFound)
        #expect(error?.description.contains(Self.part(2)) == true)
    }

    @Test func partsOfAnotherModelAreRefused() throws {
        let twice = try failure { try write(try bytes($0 + "/" + Self.part(3)), to: $0 + "/" + Self.part(2)) }
        #expect(twice?.place == "split.no")
        let stranger = try failure { try write(try bytes(goldens + "/qwen2.gguf"), to: $0 + "/" + Self.part(2)) }
        #expect(stranger?.place == "split.no")
        #expect(stranger?.file.hasSuffix(Self.part(2)) == true)
    }

    @Test func aPartUnderAnotherNameIsRefused() throws {
        try withScratch { scratch in
            let path = scratch + "/model.gguf"
            try write(try bytes(goldens + "/split/" + Self.part(2)), to: path)
            let error = StorageTests.failure { _ = try GGUFFile(path: path) }
            #expect(error?.description.contains("-00002-of-00003.gguf") == true)
        }
    }

    @Test func namesOfOneModelAreRecognised() {
        let names = (1...3).map(Self.part)
        #expect(GGUFSplit.firstPart(of: names) == names[0])
        #expect(GGUFSplit.firstPart(of: names.reversed()) == names[0])
        #expect(GGUFSplit.firstPart(of: names + ["other.gguf"]) == nil)
        #expect(GGUFSplit.firstPart(of: ["a.gguf", "b.gguf"]) == nil)
    }
}
