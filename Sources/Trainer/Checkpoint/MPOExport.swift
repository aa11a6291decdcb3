enum MPOExport {
    static func isExport(_ path: String) -> Bool { false }
    static func open(_ path: String) throws -> OpenedModel { throw HealError(.model, "\(path)") }
}
