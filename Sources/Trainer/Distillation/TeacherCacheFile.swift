import Basics
import Kernels
import Storage

/// One file of a cache: answers about some samples, sealed. Written once, never changed.
///
///     samples/key [S] u64, samples/places [S] u32, samples/entries [S] u32
///     places/entries [R] u16, places/tail or places/entropy [R] f32
///     entries/token [E] u16 (u32 where the vocabulary needs it), entries/probability f16 or entries/count u16 [E]
enum TeacherCacheFile {
    /// Where in a file one sample's answers are.
    struct Place: Sendable {
        var places: Range<Int>
        var entries: Range<Int>
    }

    static func write(_ answers: [(key: UInt64, answer: TeacherAnswer)], _ settings: TeacherCacheSettings, to path: String) throws(StorageError) {
        let file = try SealedFile.create(path)
        try settings.write(to: file)
        try file.write(answers.map(\.key), at: "samples/key")
        try file.write(answers.map { UInt32($0.answer.places) }, at: "samples/places")
        try file.write(answers.map { UInt32($0.answer.tokens.count) }, at: "samples/entries")
        try file.write(answers.flatMap(\.answer.counts), at: "places/entries")
        try file.write(answers.flatMap(\.answer.rest), at: rest(settings))
        let tokens = answers.flatMap(\.answer.tokens), weights = answers.flatMap(\.answer.weights)
        if isNarrow(settings) { try file.write(tokens.map(UInt16.init), at: "entries/token") } else { try file.write(tokens, at: "entries/token") }
        switch settings.form.kind {
        case .topK: try file.write(weights.map(Float16.init(bitPattern:)), at: "entries/probability")
        case .sampled: try file.write(weights, at: "entries/count")
        }
        try file.close()
        try SealedFile.seal(path)
    }

    /// The samples of a file, with their keys, where their answers are, and the checksums of these: all of the file is read once, and found to be sound.
    static func samples(_ file: HDF5File, _ settings: TeacherCacheSettings) throws(StorageError) -> [(key: UInt64, place: Place, checksum: Checksum)] {
        let keys = try file.read("samples/key", as: UInt64.self)
        let places = try file.read("samples/places", as: UInt32.self), entries = try file.read("samples/entries", as: UInt32.self)
        func wrong(_ place: String, _ message: String) -> StorageError { StorageError(.malformed, file: file.path, place: place, message) }
        guard places.count == keys.count, entries.count == keys.count else { throw wrong("samples", "has parts of different lengths") }
        let all = try answer(file, settings) { (name) throws(StorageError) in
            // Every value, with the checksum of all.
            0..<(try file.shape(of: name).first ?? 0)
        }
        guard all.places == places.reduce(0, { $0 + Int($1) }), all.rest.count == all.places, all.tokens.count == entries.reduce(0, { $0 + Int($1) }),
            all.weights.count == all.tokens.count
        else { throw wrong("entries", "does not fit the samples") }
        var samples: [(key: UInt64, place: Place, checksum: Checksum)] = [], place = 0, entry = 0
        for i in keys.indices {
            let range = Place(places: place..<place + Int(places[i]), entries: entry..<entry + Int(entries[i]))
            (place, entry) = (range.places.upperBound, range.entries.upperBound)
            let answer = all[range]
            guard answer.counts.reduce(0, { $0 + Int($1) }) == answer.tokens.count, answer.tokens.allSatisfy({ $0 < settings.vocabulary }) else {
                throw wrong("entries", "does not fit the places, or the vocabulary")
            }
            samples.append((keys[i], range, answer.checksum))
        }
        return samples
    }

    /// One sample's answers, which must be those that were there when the file was opened.
    static func answer(_ file: HDF5File, at place: Place, _ checksum: Checksum, _ settings: TeacherCacheSettings) throws(StorageError) -> TeacherAnswer {
        let answer = try answer(file, settings) { $0.hasPrefix("places") ? place.places : place.entries }
        guard answer.checksum == checksum else {
            throw StorageError(.checksum, file: file.path, place: "entries", "is damaged: an answer is not what it was when the file was opened")
        }
        return answer
    }

    private static func answer(
        _ file: HDF5File, _ settings: TeacherCacheSettings, _ range: (String) throws(StorageError) -> Range<Int>
    ) throws(StorageError) -> TeacherAnswer {
        func read<Element: HDF5Element>(_ name: String, as _: Element.Type = Element.self) throws(StorageError) -> [Element] {
            try file.read(name, range(name))
        }
        var answer = TeacherAnswer()
        answer.counts = try read("places/entries")
        answer.rest = try read(rest(settings))
        answer.tokens = isNarrow(settings) ? try read("entries/token", as: UInt16.self).map(UInt32.init) : try read("entries/token")
        switch settings.form.kind {
        case .topK: answer.weights = try read("entries/probability", as: Float16.self).map(\.bitPattern)
        case .sampled: answer.weights = try read("entries/count")
        }
        return answer
    }

    private static func rest(_ settings: TeacherCacheSettings) -> String { settings.form.kind == .topK ? "places/tail" : "places/entropy" }
    private static func isNarrow(_ settings: TeacherCacheSettings) -> Bool { settings.vocabulary <= 1 << 16 }
}

extension TeacherAnswer {
    /// What a part of the places said.
    fileprivate subscript(_ range: TeacherCacheFile.Place) -> TeacherAnswer {
        TeacherAnswer(
            counts: Array(counts[range.places]), tokens: Array(tokens[range.entries]), weights: Array(weights[range.entries]), rest: Array(rest[range.places]))
    }

    fileprivate var checksum: Checksum {
        var checksum = Checksum()
        counts.withUnsafeBytes { checksum.add($0) }
        tokens.withUnsafeBytes { checksum.add($0) }
        weights.withUnsafeBytes { checksum.add($0) }
        rest.withUnsafeBytes { checksum.add($0) }
        return checksum
    }
}
