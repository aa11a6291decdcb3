import CShims
import Foundation
import Testing

@Suite struct AdamWTests {
    /// Twenty steps of torch.optim.AdamW (Tests/Golden/loops/adamw.py), parameters after each.
    struct Trajectory: Decodable {
        let lr: Double
        let betas: [Double]
        let eps: Double
        let weightDecay: Double
        let start: [Double]
        let gradients: [[Double]]
        let float: [[Double]]
        let double: [[Double]]

        static func load() throws -> Trajectory {
            let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Golden/loops/adamw.json")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Trajectory.self, from: Data(contentsOf: file))
        }
    }

    @Test(arguments: LoopInstance.all) func followsPyTorch(_ instance: LoopInstance) throws {
        let golden = try Trajectory.load()
        func check<C: LoopElement>(
            _ name: String, _ expected: [[Double]],
            _ adamw: (
                Int, UnsafeMutablePointer<C>, UnsafePointer<C>, UnsafeMutablePointer<C>, UnsafeMutablePointer<C>, Double, Double, Double, Double,
                Double, Double, Double, Double
            ) -> Void
        ) {
            let n = golden.start.count
            let half = C(rounding: 0.5)
            var p = Guarded(golden.start.map { C(rounding: $0) })
            var m = Guarded<C>(n, filledWith: C(rounding: 0))
            var v = Guarded<C>(n, filledWith: C(rounding: 0))
            for (step, gradient) in golden.gradients.enumerated() {
                // Twice the gradient at half the scale.
                let g = gradient.map { C(rounding: C(rounding: $0).double / half.double) }
                adamw(
                    n, &p.storage, g, &m.storage, &v.storage, golden.lr, golden.betas[0], golden.betas[1], golden.eps, golden.weightDecay,
                    1 - pow(golden.betas[0], Double(step + 1)), 1 - pow(golden.betas[1], Double(step + 1)), 0.5)
                expectClose(p, expected[step], compute: C.self, error: 2, "\(name) step \(step)")
            }
            #expect(m.marginIsIntact && v.marginIsIntact)
        }
        check("f32", golden.float, instance.loops.adamw_f32)
        check("f64", golden.double, instance.loops.adamw_f64)
    }
}
