import Autograd
import Foundation
import Kernels

/// Text generation: keys and values of what was read stay in a cache, so that each new token costs one pass over one row.
package struct Decoder: ~Copyable {
    private let model: LlamaModel
    private var keys: [Tensor]
    private var values: [Tensor]
    /// Tokens read so far.
    package private(set) var length = 0
    package let capacity: Int

    package init(_ model: LlamaModel, capacity: Int) {
        self.model = model
        self.capacity = min(capacity, model.longestContext)
        let c = model.configuration, shape = [self.capacity, c.keyValueRows]
        keys = (0..<c.layers).map { _ in Tensor(shape, model.compute) }
        values = (0..<c.layers).map { _ in Tensor(shape, model.compute) }
    }

    /// Reads tokens and returns the logits [V] after the last one.
    package mutating func read(_ tokens: [Int32]) -> [Float] {
        precondition(!tokens.isEmpty && length + tokens.count <= capacity, "decoder: \(length) + \(tokens.count) tokens of \(capacity)")
        var tape = Tape(records: false)
        let start = length, positions = tokens.indices.map { Int32(start + $0) }
        var x = model.embed(tokens, &tape)
        for layer in 0..<model.configuration.layers {
            let (keyCache, valueCache) = (keys[layer], values[layer])
            x = model.block(layer, x, positions: positions, &tape) { q, k, v, _ in
                for (new, cache) in [(k.value, keyCache), (v.value, valueCache)] {
                    (cache.base + start * cache.rowCount * cache.dtype.size).copyMemory(from: new.base, byteCount: new.byteCount)
                }
                return Variable(constant: model.attention.forward(q: q.value, keys: keyCache, values: valueCache, start: start))
            }
        }
        length += tokens.count
        let h = model.normalise(Variable(constant: x.value.slice(tokens.count - 1..<tokens.count)), &tape).value
        return model.logits(ofHidden: h).floats()
    }
}

/// How the next token is chosen from logits.
package struct Sampling: Sendable {
    /// 0 takes the most likely token.
    package var temperature: Double
    /// Smallest set of most likely tokens whose probabilities sum to this.
    package var topP: Double
    package var topK: Int?
    private var state: UInt64

    package init(temperature: Double = 0, topP: Double = 1, topK: Int? = nil, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        state = seed
    }

    package mutating func choose(_ logits: [Float]) -> Int32 {
        guard temperature > 0 else { return Int32(logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }!) }
        var order = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
        if let topK { order = Array(order.prefix(max(1, topK))) }
        let top = Double(logits[order[0]])
        var weights = order.map { exp((Double(logits[$0]) - top) / temperature) }
        let total = weights.reduce(0, +)
        var kept = 0, mass = 0.0
        while kept < weights.count, kept == 0 || mass < topP * total {
            mass += weights[kept]
            kept += 1
        }
        weights = Array(weights.prefix(kept))
        var u = uniform() * mass
        for (i, w) in weights.enumerated() {
            u -= w
            if u <= 0 { return Int32(order[i]) }
        }
        return Int32(order[kept - 1])
    }

    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }
}
