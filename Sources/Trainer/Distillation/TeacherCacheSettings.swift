import Basics
import Storage

/// What the answers in a cache depend on besides the samples.
struct TeacherCacheSettings: Equatable, Sendable {
    /// Checksum of the teacher.
    var teacher: String
    var vocabulary: Int
    /// What the teacher computes in.
    var dtype: String
    /// Where the answers are.
    var tokens: DistillationConfiguration.Tokens
    var form: TeacherAnswer.Form

    private static let type = "heal teacher cache", version = 1

    func write(to file: HDF5File) throws(StorageError) {
        try file.setAttribute("type", Self.type, at: "/")
        try file.setAttribute("version", Self.version, at: "/")
        try file.setAttribute("teacher", teacher, at: "/")
        try file.setAttribute("vocabulary", vocabulary, at: "/")
        try file.setAttribute("dtype", dtype, at: "/")
        try file.setAttribute("tokens", tokens.rawValue, at: "/")
        try file.setAttribute("form", form.kind.rawValue, at: "/")
        try file.setAttribute("size", form.size, at: "/")
        try file.setAttribute("temperature", form.temperature, at: "/")
    }

    init(teacher: String, vocabulary: Int, dtype: String, tokens: DistillationConfiguration.Tokens, form: TeacherAnswer.Form) {
        self.teacher = teacher
        self.vocabulary = vocabulary
        self.dtype = dtype
        self.tokens = tokens
        self.form = form
    }

    init(_ file: HDF5File) throws(StorageError) {
        guard try file.stringAttribute("type", at: "/") == Self.type else {
            throw StorageError(.unsupported, file: file.path, "holds no answers of a teacher")
        }
        let found = try file.intAttribute("version", at: "/")
        guard found == Self.version else {
            throw StorageError(.unsupported, file: file.path, "has version \(found ?? 0) of the teacher's answers; this program reads version \(Self.version)")
        }
        guard let teacher = try file.stringAttribute("teacher", at: "/"), let vocabulary = try file.intAttribute("vocabulary", at: "/"),
            let dtype = try file.stringAttribute("dtype", at: "/"), let temperature = try file.doubleAttribute("temperature", at: "/"),
            let tokens = try file.stringAttribute("tokens", at: "/").flatMap(DistillationConfiguration.Tokens.named),
            let kind = try file.stringAttribute("form", at: "/").flatMap(DistillationConfiguration.CacheForm.named),
            let size = try file.intAttribute("size", at: "/")
        else { throw StorageError(.malformed, file: file.path, "does not say what its answers are") }
        self.init(teacher: teacher, vocabulary: vocabulary, dtype: dtype, tokens: tokens, form: .init(kind: kind, size: size, temperature: temperature))
    }

    /// What `made`, which a file was made with, has otherwise: the key and what to say of it.
    func differences(from made: TeacherCacheSettings) -> [String] {
        var found: [String] = []
        func compare(_ key: String, _ old: String, _ new: String) { if old != new { found.append("`\(key)` is \(new), was \(old)") } }
        if teacher != made.teacher || vocabulary != made.vocabulary { found.append("`distillation.teacher` (or `model`) leads to another teacher") }
        compare("dtype", made.dtype, dtype)
        compare("distillation.tokens", "\"\(made.tokens.rawValue)\"", "\"\(tokens.rawValue)\"")
        compare("distillation.cache_form", "\"\(made.form.kind.rawValue)\"", "\"\(form.kind.rawValue)\"")
        compare("distillation.cache_size", "\(made.form.size)", "\(form.size)")
        compare("distillation.temperature", "\(made.form.temperature)", "\(form.temperature)")
        return found
    }
}
