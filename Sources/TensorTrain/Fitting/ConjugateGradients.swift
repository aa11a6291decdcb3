import Kernels

/// Preconditioned conjugate gradients from zero for A X = B, with A and the preconditioner symmetric positive definite
/// (Hestenes and Stiefel 1952). Every step lowers the quadratic X A X / 2 - B X, so it may stop anywhere.
///
/// - Parameters:
///   - tolerance: stops when the residual, in the preconditioner's norm, is this fraction of the first.
///   - moved: called with the length of each step along the direction that was last applied.
/// - Returns: X and the steps taken.
func conjugateGradients<Scalar: LinearAlgebraScalar>(
    _ b: [Scalar], steps: Int, tolerance: Double, apply: ([Scalar]) -> [Scalar], precondition: ([Scalar]) -> [Scalar],
    moved: (Scalar) -> Void = { _ in }
) -> (solution: [Scalar], steps: Int) {
    let count = b.count
    var x = [Scalar](repeating: 0, count: count)
    var residual = b
    var direction = precondition(residual)
    var energy = dot(residual, direction)
    let goal = tolerance * tolerance * energy
    for step in 0..<steps {
        // Not above the goal also when rounding has left a direction of no or undefined energy.
        guard energy > goal else { return (x, step) }
        let image = apply(direction)
        let curvature = dot(direction, image)
        guard curvature > 0 else { return (x, step) }
        let length = energy / curvature
        Scalar.add(direction, scaledBy: Scalar(length), to: &x, count: count)
        Scalar.add(image, scaledBy: Scalar(-length), to: &residual, count: count)
        moved(Scalar(length))
        let next = precondition(residual)
        let before = energy
        energy = dot(residual, next)
        direction.withUnsafeMutableBufferPointer { Scalar.scale($0, by: Scalar(energy / before)) }
        Scalar.add(next, scaledBy: 1, to: &direction, count: count)
    }
    return (x, steps)
}
