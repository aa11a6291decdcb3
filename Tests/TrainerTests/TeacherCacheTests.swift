import Basics
import Foundation
import Storage
import Testing
import TestSupport
@testable import Trainer

/// The files that a teacher's answers are kept in.
@Suite struct TeacherCacheTests {
    private static func settings(_ change: (inout TeacherCacheSettings) -> Void = { _ in }) -> TeacherCacheSettings {
        var settings = TeacherCacheSettings(
            teacher: "0123abcd", vocabulary: 512, dtype: "fp32", tokens: .all, form: .init(kind: .topK, size: 3, temperature: 1.5))
        change(&settings)
        return settings
    }

    /// Some answer; different for each seed.
    private static func answer(_ seed: UInt64, places: Int) -> TeacherAnswer {
        var random = SplitMix(seed), answer = TeacherAnswer()
        for _ in 0..<places {
            let count = Int(random.next() % 4)
            answer.counts.append(UInt16(count))
            answer.tokens += (0..<count).map { UInt32($0 * 100) + UInt32(random.next() % 100) }
            answer.weights += (0..<count).map { _ in FloatFormats.half(Float(random.uniform())) }
            answer.rest.append(Float(random.uniform()))
        }
        return answer
    }

    private static func filled(_ directory: String, _ settings: TeacherCacheSettings, keys: Range<UInt64>) throws {
        let cache = try TeacherCache(directory, settings)
        for key in keys { try cache.store(key, answer(key, places: Int(key))) }
        try cache.flush()
    }

    @Test(arguments: [DistillationConfiguration.CacheForm.topK, .sampled], [512, 100_000])
    func givesBackWhatItWasGiven(kind: DistillationConfiguration.CacheForm, vocabulary: Int) throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let place = directory + "/cache", settings = Self.settings { ($0.form.kind, $0.vocabulary) = (kind, vocabulary) }
            let cache = try TeacherCache(place, settings)
            #expect(FileSystem.kind(of: place) == nil && cache.count == 0, "looking writes nothing")
            try cache.store(9, Self.answer(9, places: 4))
            #expect(cache.answer(9, places: 4) == Self.answer(9, places: 4))
            try cache.flush()
            try Self.filled(place, settings, keys: 0..<7)
            let read = try TeacherCache(place, settings)
            #expect(read.count == 8 && read.damaged.isEmpty)
            for key in 0..<UInt64(7) { #expect(read.answer(key, places: Int(key)) == Self.answer(key, places: Int(key))) }
            #expect(read.answer(9, places: 4) == Self.answer(9, places: 4))
            #expect(read.answer(10, places: 4) == nil && read.answer(9, places: 5) == nil)
            // The first one finds what the other wrote, and writes nothing twice.
            try cache.store(3, Self.answer(3, places: 3))
            try cache.flush()
            #expect(try cache.count == 8 && FileSystem.names(in: place).filter { $0.hasSuffix(".h5") }.count == 2)
        }
    }

    /// A kill leaves an unfinished file; a disk may damage a finished one. Neither is read, and the others are.
    @Test func damage() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let place = directory + "/cache", settings = Self.settings()
            try Self.filled(place, settings, keys: 1..<4)
            try Self.filled(place, settings, keys: 4..<7)
            let files = try FileSystem.names(in: place).filter { $0.hasSuffix(".h5") }.map { "\(place)/\($0)" }
            #expect(files.count == 2)
            let whole = try FileSystem.readAll(files[0])
            try Data(whole.prefix(whole.count / 2)).write(to: URL(fileURLWithPath: files[0] + ".1234.partial"))
            for damage in 0..<3 {
                var bytes = whole
                switch damage {
                case 0: bytes.removeLast(100)
                case 1: bytes[bytes.count / 2] ^= 1
                default: bytes = []
                }
                try Data(bytes).write(to: URL(fileURLWithPath: files[0]))
                let cache = try TeacherCache(place, settings)
                #expect(cache.count == 3 && cache.damaged.count == 1 && cache.damaged[0].hasPrefix(files[0]), "\(cache.damaged)")
            }
            try FileSystem.removeFile(files[0])
            try Self.filled(place, settings, keys: 1..<9)
            #expect(try FileSystem.names(in: place).allSatisfy { !$0.hasSuffix(".partial") })
            let cache = try TeacherCache(place, settings)
            #expect(cache.count == 8 && cache.damaged.isEmpty)
        }
    }

    /// Each setting that the answers depend on is named when it is another one.
    @Test func refusesOtherSettings() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            try Self.filled(directory, Self.settings(), keys: 1..<3)
            let changes: [(String, (inout TeacherCacheSettings) -> Void)] = [
                ("`distillation.teacher`", { $0.teacher = "other" }), ("`distillation.teacher`", { $0.vocabulary = 400 }),
                ("`dtype` is bf16, was fp32", { $0.dtype = "bf16" }), ("`distillation.tokens` is \"labels\", was \"all\"", { $0.tokens = .labels }),
                ("`distillation.cache_form` is \"sampled\", was \"top_k\"", { $0.form.kind = .sampled }),
                ("`distillation.cache_size` is 4, was 3", { $0.form.size = 4 }), ("`distillation.temperature` is 1.0, was 1.5", { $0.form.temperature = 1 }),
            ]
            for (words, change) in changes {
                let error = #expect(throws: HealError.self) { try TeacherCache(directory, Self.settings(change)) }
                #expect(error?.description.contains(words) == true && error?.description.hasPrefix("\(directory)/") == true, "\(words): \(String(describing: error))")
            }
        }
    }

    private func expectLeftOut(_ directory: String, _ settings: TeacherCacheSettings) throws {
        let cache = try TeacherCache(directory, settings)
        #expect(cache.answer(5, places: 6) == nil && cache.damaged.count == 1 && cache.damaged[0].contains("places, or the vocabulary"), "\(cache.damaged)")
    }

    /// An answer that is damaged after the file was looked at is not used, and the teacher is asked again.
    @Test func damageWhileItIsOpen() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let settings = Self.settings()
            try Self.filled(directory, settings, keys: 4..<7)
            let cache = try TeacherCache(directory, settings)
            let file = try #require(FileSystem.names(in: directory).first { $0.hasSuffix(".h5") }), path = "\(directory)/\(file)"
            var bytes = try FileSystem.readAll(path)
            let rest = Self.answer(5, places: 5).rest[2]
            let place = try #require(bytes.firstRange(of: withUnsafeBytes(of: rest) { Array($0) })).lowerBound
            bytes[place] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(cache.answer(5, places: 5) == nil && cache.answer(6, places: 6) == Self.answer(6, places: 6))
            let warnings = cache.takeWarnings()
            #expect(warnings.count == 1 && warnings[0].contains(path) && warnings[0].contains("asked again"), "\(warnings)")
            try cache.store(5, Self.answer(5, places: 5))
            try cache.flush()
            #expect(cache.answer(5, places: 5) == Self.answer(5, places: 5))
        }
    }

    /// Answers about other tokens than there are would be read beyond the logits.
    @Test func checksWhatItReads() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let settings = Self.settings(), path = directory + "/x.h5"
            var wrong = Self.answer(2, places: 6)
            wrong.tokens[0] = 512
            try TeacherCacheFile.write([(5, wrong)], settings, to: path)
            try expectLeftOut(directory, settings)
            wrong = Self.answer(2, places: 6)
            wrong.counts[0] += 1
            try TeacherCacheFile.write([(5, wrong)], settings, to: path)
            try expectLeftOut(directory, settings)
        }
    }

    /// Whoever may only read a directory reads it and keeps nothing.
    @Test(.enabled(if: getuid() != 0)) func readOnly() throws {
        try GoldenFiles.withTemporaryDirectory { directory in
            let settings = Self.settings(), place = directory + "/cache"
            try Self.filled(place, settings, keys: 1..<3)
            chmod(place, 0o555)
            defer { chmod(place, 0o755) }
            let cache = try TeacherCache(place, settings), names = try FileSystem.names(in: place)
            try cache.store(7, Self.answer(7, places: 2))
            try cache.flush()
            #expect(try cache.count == 2 && FileSystem.names(in: place) == names)
        }
    }
}
