/// How y = x W^T is computed from the cores, and its gradient.
package enum ContractionPlan: Hashable, Sendable {
    /// W from the cores, one product with x; in the backward pass one product for dx, one for dW, and dW projected back
    /// onto the cores.
    case rebuild
    /// x contracted with one core after the other; W never exists.
    case coreByCore(CoreChain.Order)

    package static let all: [ContractionPlan] = [.rebuild, .coreByCore(.leftToRight), .coreByCore(.rightToLeft)]

    /// The plan that a cost model finds fastest for one forward and, when training, one backward pass; of equal ones the
    /// first of ``all``.
    ///
    /// - Parameters:
    ///   - tokens: rows of x in one pass.
    ///   - rebuildsShared: how many passes (micro-batches) share one rebuilt W and one projection of dW.
    ///   - training: counts the backward pass too.
    ///   - keepsDense: W stays from the forward to the backward pass, instead of being rebuilt.
    package static func choose(
        layout: MPOLayout, tokens: Int, rebuildsShared: Int = 1, training: Bool = true, keepsDense: Bool = false,
        costModel: CostModel = CostModel()
    ) -> ContractionPlan {
        func seconds(_ plan: ContractionPlan) -> Double {
            let forward = plan.forwardCost(layout, tokens: tokens, rebuildsShared: rebuildsShared)
            if !training { return costModel.seconds(forward) }
            return costModel.seconds(
                forward
                    + plan.backwardCost(
                        layout, tokens: tokens, rebuildsShared: rebuildsShared, keepsDense: keepsDense))
        }
        var best = (plan: ContractionPlan.rebuild, seconds: seconds(.rebuild))
        for plan in all.dropFirst() {
            let candidate = seconds(plan)
            if candidate < best.seconds { best = (plan, candidate) }
        }
        return best.plan
    }
}

extension ContractionPlan: RawRepresentable, Codable, CustomStringConvertible {
    /// `rebuild`, `left_to_right` or `right_to_left`.
    package init?(rawValue: String) {
        if rawValue == "rebuild" {
            self = .rebuild
        } else if let order = CoreChain.Order(rawValue: rawValue) {
            self = .coreByCore(order)
        } else {
            return nil
        }
    }

    package var rawValue: String {
        switch self {
        case .rebuild: "rebuild"
        case .coreByCore(let order): order.rawValue
        }
    }

    package var description: String {
        switch self {
        case .rebuild: "rebuild"
        case .coreByCore(.leftToRight): "core by core, left to right"
        case .coreByCore(.rightToLeft): "core by core, right to left"
        }
    }
}
