/// The files that record a run's events.
struct RunFiles {
    private var sinks: [any RunEventSink] = []

    /// None: for ranks that write nothing.
    init() {}

    init(_ c: Configuration, directory: String, resumedStep: Int?) throws {
        if c.reportTo.contains(.jsonl) { sinks.append(try MetricsFile(path: directory + "/metrics.jsonl", resumedStep: resumedStep)) }
        if c.reportTo.contains(.tensorboard) { sinks.append(try TensorBoardFile(directory: directory + "/tensorboard", resumedStep: resumedStep, about: c.json)) }
    }

    func record(_ event: RunEvent) throws { for sink in sinks { try sink.record(event) } }
    func synchronize() throws { for sink in sinks { try sink.synchronize() } }
    func close() throws { for sink in sinks { try sink.close() } }
}
