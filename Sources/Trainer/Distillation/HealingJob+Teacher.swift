import Basics
import Foundation
import HealData
import Kernels
import Models
import Storage

extension HealingJob {
    /// The teacher the configuration asks for, ready to be learnt from; nil where it asks for none.
    ///
    /// - Parameter progress: keeps which teacher it was, and is compared where the run goes on.
    func distillation(_ prepared: Prepared, _ model: LlamaModel, _ progress: inout RunProgress) throws -> Distillation? {
        let settings = configuration.distillation
        guard let opened = prepared.teacher else { return nil }
        let source: Distillation.Source, checksum: Checksum
        if let cache = prepared.answers, let known = prepared.teacherChecksum {
            (source, checksum) = (.cached(CachedTeacher(cache) { try Teacher(opened, of: model).model }), known)
        } else {
            let teacher = try Teacher(opened, of: model)
            (source, checksum) = (.model(teacher.model), teacher.checksum)
        }
        try requireSameTeacher(checksum)
        let allowed = allowedChanges.contains { ["distillation", "distillation.teacher"].contains($0) }
        if let before = progress.teacher, before != checksum.text, !allowed {
            throw HealError(
                .checkpoint,
                "\(prepared.opened.path): the run had another teacher than the one there is now; set `distillation.teacher` to where the former one is "
                    + "(--allow-changes distillation.teacher accepts the new one)")
        }
        progress.teacher = checksum.text
        return Distillation(teacher: source, weight: settings.weight, temperature: settings.temperature, tokens: settings.tokens)
    }

    /// The cache of the answers of `teacher`, read and found to be of this teacher and these settings; nil where the configuration asks for none.
    package func openAnswers(of teacher: OpenedModel?, _ checksum: Checksum?, compute: DType) throws -> TeacherCache? {
        let settings = configuration.distillation
        guard let teacher, let checksum, let directory = settings.cache else { return nil }
        let form = TeacherAnswer.Form(
            kind: settings.cacheForm ?? DistillationConfiguration.defaultCacheForm, size: settings.cacheSize ?? DistillationConfiguration.defaultCacheSize,
            temperature: settings.temperature)
        let vocabulary = teacher.configuration.vocabularySize
        guard form.kind != .topK || form.size <= vocabulary else {
            throw HealError(.configuration, "`distillation.cache_size` names \(form.size) tokens, but the model has \(vocabulary)")
        }
        return try TeacherCache(
            configuration.outputPath(directory),
            TeacherCacheSettings(
                teacher: checksum.text, vocabulary: vocabulary, dtype: compute == .bf16 ? "bf16" : "fp32", tokens: settings.tokens, form: form))
    }

    /// The teacher of `student`, opened and found fit: what `distillation.teacher` names; else `model`, or the dense model that `model` was compressed from.
    /// nil where the configuration asks for none.
    package func openTeacher(of student: OpenedModel) throws -> OpenedModel? {
        guard configuration.distillation.weight > 0 else { return nil }
        let teacher = try findTeacher(of: student)
        try Teacher.check(teacher, of: student, longestContext: configuration.rowLength(student.configuration))
        return teacher
    }

    /// The dense model behind a checkpoint, where `model` leads nowhere any more.
    private func originOfStudent(_ student: OpenedModel) throws -> String {
        if let origin = student.densePath, FileSystem.kind(of: origin) != nil { return origin }
        throw HealError(
            .configuration,
            "distillation: the run learns from the dense model, which is no longer at \(configuration.model); set `distillation.teacher` to where it is, or "
                + "`distillation.weight` to 0 with --allow-changes distillation.weight")
    }

    private func findTeacher(of student: OpenedModel) throws -> OpenedModel {
        let c = configuration
        func open(_ path: String) throws -> OpenedModel { try OpenedModel.open(path, tokenizer: c.tokenizer.map { c.existingPath($0) ?? $0 }) }
        if let path = c.distillation.teacher { return try OpenedModel.open(c.existingModel(path) ?? path) }
        guard let path = c.existingModel(c.model) else { return try open(try originOfStudent(student)) }
        let model = student.path == path ? student : try open(path)
        if model.layouts.isEmpty { return model }
        guard let origin = model.densePath else {
            throw HealError(
                .configuration, "\(model.path): is compressed and does not say what from; set `distillation.teacher` to the dense model to learn from")
        }
        guard FileSystem.kind(of: origin) != nil else {
            throw HealError(
                .configuration,
                "\(model.path): was compressed from \(origin), which is not there any more; set `distillation.teacher` to the dense model to learn from")
        }
        return try open(origin)
    }
}
