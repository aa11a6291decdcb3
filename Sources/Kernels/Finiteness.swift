import Foundation
import Synchronization

/// Whether numbers are numbers.
package enum Finiteness {
    /// Whether a tensor holds no infinity and no NaN.
    package static func holds(_ tensor: Tensor) -> Bool {
        let from = Address(tensor.base), type = tensor.dtype, isFinite = Atomic<Bool>(true)
        Parallel.forBlocks(of: tensor.count, block: Elementwise.block) { range in
            let found =
                switch type {
                case .f32: range.allSatisfy { from.raw.f32[$0].isFinite }
                case .f64: range.allSatisfy { from.raw.f64[$0].isFinite }
                case .bf16: range.allSatisfy { from.raw.bf16[$0] & 0x7F80 != 0x7F80 }
                }
            if !found { isFinite.store(false, ordering: .relaxed) }
        }
        return isFinite.load(ordering: .relaxed)
    }
}
