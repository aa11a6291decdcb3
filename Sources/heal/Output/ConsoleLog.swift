import Logging

/// What modules log, on standard error like everything else that is told there.
struct ConsoleLog: LogHandler {
    var logLevel = Logger.Level.warning
    var metadata = Logger.Metadata()
    private let label: String

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { Console.printError("\(label) \(event.level): \(event.message)") }
}
