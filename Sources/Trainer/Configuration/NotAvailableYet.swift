/// Values that are reserved for what `heal` will do but does not do yet. Each is an error that says so, never silently ignored.
package enum NotAvailableYet {
    package static func complaint(distillationWeight weight: Double) -> String? {
        weight > 0 ? "distillation is not available yet; use 0 or remove the group" : nil
    }
}
