import HealData
import Kernels
import Models
import Synchronization

/// A teacher that remembers: each sample is shown to it once, and its answer is kept in a cache.
///
/// A sample is shown alone, not in the row it is packed into, and what is learnt from is always what would be read back. So answers depend on nothing but the sample and the
/// settings, and it makes no difference to a run what was in the cache when it began. A teacher that is never asked is never loaded.
package final class CachedTeacher: Sendable {
    package let cache: TeacherCache
    private let load: @Sendable () throws -> LlamaModel
    private let model = Mutex<LlamaModel?>(nil)

    package init(_ cache: TeacherCache, load: @escaping @Sendable () throws -> LlamaModel) {
        self.cache = cache
        self.load = load
    }

    /// The teacher's answers at the places of the batch that `tokens` names, in order.
    func answers(to batch: TokenBatch) throws -> SparseDistributions {
        var rows = SparseDistributions()
        for (start, end) in zip(batch.segments, batch.segments.dropFirst()) {
            let sample = TokenBatch(sampleOf: batch, start..<end)
            try answer(to: sample).append(to: &rows, cache.settings.form.kind)
        }
        return rows
    }

    private func answer(to sample: TokenBatch) throws -> TeacherAnswer {
        let places = cache.settings.tokens.places(sample), key = key(sample)
        if let known = cache.answer(key, places: places.count) { return known }
        let answer = try model.withLock { model in
            let teacher = try model ?? load()
            model = teacher
            return Stopwatch.time("teacher") { compute(teacher, sample, places, seed: key) }
        }
        try cache.store(key, answer)
        return answer
    }

    /// Tells samples apart: by their tokens and, where only labelled ones are answered, by where those are.
    private func key(_ sample: TokenBatch) -> UInt64 {
        var hash = ContentHash()
        sample.tokens.withUnsafeBytes { hash.combine($0) }
        if cache.settings.tokens == .labels {
            for place in cache.settings.tokens.places(sample) { hash.combine(UInt64(place)) }
        }
        return hash.value
    }

    private func compute(_ teacher: LlamaModel, _ sample: TokenBatch, _ places: [Int], seed: UInt64) -> TeacherAnswer {
        let states = teacher.teach(TrainingWindow.shaped(sample).input)
        var answer = TeacherAnswer()
        for start in stride(from: 0, to: places.count, by: 512) {
            let some = places[start..<min(start + 512, places.count)]
            answer.append(logits: teacher.logits(states, rows: some), cache.settings.form, seed: seed)
        }
        return answer
    }
}

extension TokenBatch {
    /// One segment of a batch by itself.
    fileprivate init(sampleOf batch: TokenBatch, _ range: Range<Int>) {
        self.init()
        tokens = Array(batch.tokens[range])
        labels = Array(batch.labels[range])
        positions = Array(batch.positions[range])
        segments = [0, range.count]
        trainedTokens = labels.count { $0 >= 0 }
        rows = 1
    }
}
