/// Values that are reserved for what `heal` will do but does not do yet. Each is an error that says so, never silently ignored.
package enum NotAvailableYet {
    package static func complaint(_ initialization: CompressionConfiguration.Initialization) -> String? {
        initialization == .activation ? "\"activation\" is not available yet; use \"svd\"" : nil
    }
}
