import Foundation

/// How rotary position embeddings are stretched beyond the context of pre-training. Frequencies and the factor on cosine
/// and sine agree with `transformers.modeling_rope_utils`.
package enum RopeScaling: Sendable, Hashable {
    case none
    /// All positions divided by `factor`.
    case linear(factor: Double)
    /// Llama 3.1: long wavelengths divided by `factor`, short ones untouched, a smooth passage between.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalMaximumPositions: Int)
    /// YaRN (arXiv 2309.00071): interpolated by wavelength; cosine and sine are multiplied by `attentionFactor`.
    case yarn(factor: Double, originalMaximumPositions: Int, betaFast: Double, betaSlow: Double, attentionFactor: Double, truncated: Bool)

    /// YaRN's factor on cosine and sine where a model states none.
    package static func yarnAttentionFactor(_ factor: Double) -> Double { factor <= 1 ? 1 : 0.1 * log(factor) + 1 }

    /// - Returns: one angular frequency (radians a position) for each of `headDimension / 2` pairs, and what cosine and sine
    ///   are multiplied by.
    package func frequencies(headDimension: Int, theta: Double) -> (frequencies: [Double], attentionFactor: Double) {
        let plain = (0..<headDimension / 2).map { pow(theta, -2 * Double($0) / Double(headDimension)) }
        switch self {
        case .none: return (plain, 1)
        case .linear(let factor): return (plain.map { $0 / factor }, 1)
        case .llama3(let factor, let low, let high, let original):
            let scaled = plain.map { frequency in
                let turns = Double(original) * frequency / (2 * .pi)  // full rotations within the original context
                if turns < low { return frequency / factor }
                if turns > high { return frequency }
                let smooth = (turns - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
            return (scaled, 1)
        case .yarn(let factor, let original, let betaFast, let betaSlow, let attentionFactor, let truncated):
            func pair(turning rotations: Double) -> Double {
                Double(headDimension) * log(Double(original) / (rotations * 2 * .pi)) / (2 * log(theta))
            }
            var low = pair(turning: betaFast), high = pair(turning: betaSlow)
            if truncated { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            low = max(low, 0)
            high = min(high, Double(headDimension - 1))
            if low == high { high += 0.001 }
            let scaled = plain.enumerated().map { index, frequency in
                let interpolated = min(max((Double(index) - low) / (high - low), 0), 1)
                return frequency / factor * interpolated + frequency * (1 - interpolated)
            }
            return (scaled, attentionFactor)
        }
    }
}
