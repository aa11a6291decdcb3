import Foundation
import Kernels
import TensorTrain

/// Keeps what lies to the left and to the right of each bond index equally large, by powers of two.
///
/// At a bond, W' is the sum over j of column j of what is left of it times row j of what is right of it. Multiplying one by 2^e and dividing the other by
/// it leaves every product as it was, bit for bit; so do the first moments of gradients, which go the other way, and the second moments, which go the
/// other way by 2^2e. After that no pair differs by more than a factor of 2 (of its root, sqrt 2).
enum GaugeBalance {
    /// One chain in place.
    static func balance(_ chain: TrainedChain, _ parameters: [Tensor], _ moments: [AdamWOptimizer.Moments]) {
        let norms = chain.bondNorms(parameters)
        for bond in 1..<max(1, chain.layout.cores) {
            let exponents = zip(norms.left[bond], norms.right[bond]).map(exponent)
            guard exponents.contains(where: { $0 != 0 }) else { continue }
            let left = chain.parameters[bond - 1], right = chain.parameters[bond]
            for (place, sign, isLeft) in [(left, 1, true), (right, -1, false)] {
                scale(parameters[place], exponents, times: sign, columns: isLeft)
                guard case .wide(let m, let v) = moments[place] else { preconditionFailure("moments in 8 bits cannot change their gauge") }
                scale(m, exponents, times: -sign, columns: isLeft)
                scale(v, exponents, times: -2 * sign, columns: isLeft)
            }
        }
    }

    /// The power of two nearest to the factor for the left side that makes both equal; 0 where one is zero. Norms are squared.
    static func exponent(left: Double, right: Double) -> Int {
        guard left > 0, right > 0, left.isFinite, right.isFinite else { return 0 }
        return Int(((log2(right) - log2(left)) / 4).rounded()).clamped(to: -30...30)
    }

    /// x[row, j] *= 2^(times e_j) over its columns, or x[j, column] over its rows.
    private static func scale(_ x: Tensor, _ exponents: [Int], times: Int, columns: Bool) {
        let factors = exponents.map { Float(sign: .plus, exponent: times * $0, significand: 1) }, width = x.count / factors.count
        func each(_ apply: (Int, Float) -> Void) {
            if columns {
                for start in stride(from: 0, to: x.count, by: factors.count) { for j in factors.indices { apply(start + j, factors[j]) } }
            } else {
                for j in factors.indices where factors[j] != 1 { for i in j * width..<(j + 1) * width { apply(i, factors[j]) } }
            }
        }
        switch x.dtype {
        case .f32:
            let p = x.base.f32
            each { p[$0] *= $1 }
        case .bf16:
            let p = x.base.bf16
            each { p[$0] = UInt16((Float(bitPattern: UInt32(p[$0]) << 16) * $1).bitPattern >> 16) }
        case .f64: preconditionFailure("parameters are f32 or bf16")
        }
    }
}

extension Int {
    fileprivate func clamped(to range: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, range.lowerBound), range.upperBound) }
}
