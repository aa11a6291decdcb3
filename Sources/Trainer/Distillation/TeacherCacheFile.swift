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

    /// The samples of a file that was found to be sound, with their keys.
    static func samples(_ file: HDF5File) throws(StorageError) -> [(key: UInt64, place: Place)] {
        let keys = try file.read("samples/key", as: UInt64.self)
        let places = try file.read("samples/places", as: UInt32.self), entries = try file.read("samples/entries", as: UInt32.self)
        guard places.count == keys.count, entries.count == keys.count else {
            throw StorageError(.malformed, file: file.path, place: "samples", "has parts of different lengths")
        }
        var place = 0, entry = 0
        return keys.indices.map { i in
            defer { (place, entry) = (place + Int(places[i]), entry + Int(entries[i])) }
            return (keys[i], Place(places: place..<place + Int(places[i]), entries: entry..<entry + Int(entries[i])))
        }
    }

    static func answer(_ file: HDF5File, at place: Place, _ settings: TeacherCacheSettings) throws(StorageError) -> TeacherAnswer {
        var answer = TeacherAnswer()
        answer.counts = try file.read("places/entries", place.places)
        answer.rest = try file.read(rest(settings), place.places)
        answer.tokens =
            isNarrow(settings) ? try file.read("entries/token", place.entries, as: UInt16.self).map(UInt32.init) : try file.read("entries/token", place.entries)
        switch settings.form.kind {
        case .topK: answer.weights = try file.read("entries/probability", place.entries, as: Float16.self).map(\.bitPattern)
        case .sampled: answer.weights = try file.read("entries/count", place.entries)
        }
        guard answer.counts.reduce(0, { $0 + Int($1) }) == answer.tokens.count, answer.tokens.allSatisfy({ $0 < settings.vocabulary }) else {
            throw StorageError(.malformed, file: file.path, place: "entries", "does not fit the places, or the vocabulary")
        }
        return answer
    }

    private static func rest(_ settings: TeacherCacheSettings) -> String { settings.form.kind == .topK ? "places/tail" : "places/entropy" }
    private static func isNarrow(_ settings: TeacherCacheSettings) -> Bool { settings.vocabulary <= 1 << 16 }
}
