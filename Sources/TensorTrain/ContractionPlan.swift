package enum ContractionPlan: Hashable, Sendable {
    package enum Order: Hashable, Sendable { case leftToRight, rightToLeft }
    case rebuild
    case coreByCore(order: Order)
}
