import Foundation

/// The learning rate as a function of the step alone.
///
/// Agrees with `transformers.get_scheduler` for "cosine", "linear" and "constant_with_warmup"; the floor is that of
/// "cosine_with_min_lr", for linear too.
package struct Schedule: Sendable, Equatable {
    package enum Shape: String, Sendable, CaseIterable {
        /// Half a cosine wave from the peak to the floor.
        case cosine
        /// A straight line from the peak to the floor.
        case linear
        case constant
    }

    package var shape: Shape
    /// The rate at the end of the warm-up.
    package var peak: Double
    package var warmupSteps: Int
    package var totalSteps: Int
    /// The floor as a share of the peak; cosine and linear end there. Not used by constant.
    package var floorRatio: Double

    package init(shape: Shape, peak: Double, warmupSteps: Int = 0, totalSteps: Int, floorRatio: Double = 0) {
        self.shape = shape
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
        self.floorRatio = floorRatio
    }

    /// The rate of the update that takes the weights from `step` updates to `step + 1`; steps count from 0.
    ///
    /// With a warm-up of w steps the rate of step s < w is peak · s / w, so the first update has rate 0, as in the reference.
    package func rate(at step: Int) -> Double {
        peak * factor(at: step)
    }

    /// `rate` as a share of the peak.
    package func factor(at step: Int) -> Double {
        if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
        let length = Double(max(1, totalSteps - warmupSteps))
        let factor =
            switch shape {
            case .cosine: 0.5 * (1 + cos(Double.pi * Double(step - warmupSteps) / length))
            case .linear: max(0, Double(totalSteps - step) / length)
            case .constant: 1.0
            }
        return shape == .constant ? 1 : max(0, factor * (1 - floorRatio) + floorRatio)
    }

    /// The steps of a warm-up given as a share of all steps, rounded up.
    package static func warmupSteps(ratio: Double, totalSteps: Int) -> Int {
        Int((Double(totalSteps) * ratio).rounded(.up))
    }
}
