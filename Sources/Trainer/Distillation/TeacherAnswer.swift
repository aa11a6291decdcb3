import Foundation
import HealData
import Kernels
import Storage

/// What a teacher said about the tokens of one sample, as it is kept: a few tokens for each place.
struct TeacherAnswer: Equatable {
    /// What is named at a place, and in which form.
    struct Form: Equatable, Sendable {
        var kind: DistillationConfiguration.CacheForm
        /// Tokens named, or draws made.
        var size: Int
        var temperature: Double
    }

    /// How many tokens each place names.
    var counts: [UInt16] = []
    /// The tokens, place by place.
    var tokens: [UInt32] = []
    /// What each has: its probability in half precision (`top_k`), or how often it was drawn (`sampled`).
    var weights: [UInt16] = []
    /// For each place the mass of the tokens not named (`top_k`), or the entropy of the distribution in nats (`sampled`).
    var rest: [Float] = []

    var places: Int { counts.count }
    var bytes: Int { 6 * counts.count + 6 * tokens.count }

    /// Adds places with the given `logits` [rows, V], which are lost.
    ///
    /// - Parameter seed: of the whole sample; each place draws on its own.
    mutating func append(logits: Tensor, _ form: Form, seed: UInt64) {
        let logits = Elementwise.convert(logits, to: .f32), V = logits.rowCount, first = places
        let base = Address(logits.base)
        var made = [Part?](repeating: nil, count: logits.rows)
        made.withUnsafeMutableBufferPointer { made in
            let target = Address(UnsafeMutableRawPointer(made.baseAddress!))
            Parallel.forBlocks(of: logits.rows, block: 4) { rows in
                for row in rows {
                    let y = UnsafeMutableBufferPointer(start: base.raw.assumingMemoryBound(to: Float.self) + row * V, count: V)
                    target.raw.assumingMemoryBound(to: Part?.self)[row] = Part(y, form, seed: seed, place: first + row)
                }
            }
        }
        // Not in the loop, where what is denormal in half precision would be rounded to 0.
        for case let part? in made { append(part) }
    }

    /// What is kept at one place.
    private enum Part {
        case top(TopTokens)
        case drawn(DrawnTokens)

        init(_ logits: UnsafeMutableBufferPointer<Float>, _ form: Form, seed: UInt64, place: Int) {
            switch form.kind {
            case .topK: self = .top(TopTokens(form.size, of: logits, temperature: form.temperature))
            case .sampled:
                // Hashed: seeds that are near each other may give streams that overlap.
                var hash = ContentHash()
                hash.combine(seed)
                hash.combine(UInt64(place))
                self = .drawn(DrawnTokens(form.size, of: logits, temperature: form.temperature, seed: hash.value))
            }
        }
    }

    private mutating func append(_ part: Part) {
        switch part {
        case .top(let top):
            counts.append(UInt16(top.ids.count))
            tokens += top.ids.map(UInt32.init)
            weights += top.probabilities.map(FloatFormats.half)
            rest.append(top.tail)
        case .drawn(let drawn):
            counts.append(UInt16(drawn.ids.count))
            tokens += drawn.ids.map(UInt32.init)
            weights += drawn.counts
            rest.append(drawn.entropy)
        }
    }

    /// Adds the places to what a loss takes.
    func append(to rows: inout SparseDistributions, _ kind: DistillationConfiguration.CacheForm) {
        var start = 0
        for place in counts.indices {
            let entries = start..<start + Int(counts[place])
            start = entries.upperBound
            let parts = entries.map { kind == .topK ? Double(FloatFormats.float(half: weights[$0])) : Double(weights[$0]) }
            // What rounding took from the sum, or added, is shared by all.
            let sum = parts.reduce(kind == .topK ? Double(rest[place]) : 0, +), scale = sum > 0 ? 1 / sum : 0
            let named = zip(tokens[entries], parts).map { (id: Int32($0), probability: $1 * scale) }
            switch kind {
            case .topK: rows.append(named, rest: Double(rest[place]) * scale)
            case .sampled: rows.append(named, rest: 0, correction: -Double(rest[place]) + Self.entropy(named.map(\.probability)))
            }
        }
    }

    private static func entropy(_ probabilities: [Double]) -> Double {
        -probabilities.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
    }
}
