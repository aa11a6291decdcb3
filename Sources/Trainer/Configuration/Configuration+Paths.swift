import Basics
import Foundation
import Models

/// Where the relative paths of a configuration lead.
///
/// **The rule**: what is read (`model`, `tokenizer`, `datasets`, `compression.calibration.datasets`, `eval_texts`, `teacher`, `resume_from_checkpoint`) is looked for in the working directory and, if it is not there,
/// in the folder above the configuration file's own, so that `configs/x.json` finds `models/` and `datasets/` beside `configs/` from anywhere.
/// What is written (`output_dir`, `export.path`, `compression.cache`, `distillation.cache`) always starts from the working directory. `~/` is the home directory.
extension Configuration {
    /// The path under which an input is found; nil where it is not.
    package func existingPath(_ path: String) -> String? {
        candidates(for: path).first { FileSystem.kind(of: $0) != nil }
    }

    /// The path under which a model or a checkpoint is found, which may be `RUN/latest` or `RUN/best`; nil where it is not.
    package func existingModel(_ path: String) -> String? {
        candidates(for: path).first {
            FileSystem.kind(of: $0) != nil || OpenedModel.isCheckpointName($0) && Self.isDirectory(FileSystem.parent(of: $0))
        }
    }

    /// The path of an output.
    package func outputPath(_ path: String) -> String { (path as NSString).expandingTildeInPath }

    /// The directory that the export at the end of the run goes to; nil where none is asked for.
    package var exportDirectory: String? {
        export.map { outputPath($0.path ?? (outputDirectory as NSString).appendingPathComponent("export")) }
    }

    /// The places an input is looked for, in order.
    func candidates(for path: String) -> [String] {
        let path = (path as NSString).expandingTildeInPath
        guard !path.hasPrefix("/"), !origin.file.isEmpty else { return [path] }
        let above = FileSystem.parent(of: FileSystem.parent(of: URL(fileURLWithPath: origin.file).standardizedFileURL.path))
        let elsewhere = (above as NSString).appendingPathComponent(path)
        return above == FileManager.default.currentDirectoryPath ? [path] : [path, elsewhere]
    }

    /// What of the files a run needs is missing or of the wrong kind, and whether it can write where it is to write.
    ///
    /// Nothing stays written; the contents are judged by those who read them.
    ///
    /// - Parameter goesOn: the run goes on from a checkpoint, which has the model, its tokenizer and the cores.
    /// - Throws: where the machine, not a path, is why something cannot be looked at.
    package func checkPaths(goesOn: Bool = false) throws(StorageError) -> [ConfigurationIssue] {
        var issues: [ConfigurationIssue] = []
        func report(_ message: String, _ key: String) {
            issues.append(ConfigurationIssue(place: place(of: key), key: key, message: message))
        }
        func checkModel(_ path: String, _ key: String) throws(StorageError) {
            guard let found = existingModel(path) else {
                report("no such model: \(places(path)). \(KnownModel.advice(for: path))", key)
                return
            }
            guard Self.isDirectory(found) else { return }
            do throws(StorageError) {
                if try Self.holdsModel(found) { return }
            } catch {
                if error.code == .inputOutput { throw error }
                return report("\(error)", key)
            }
            let instead = ForeignModel.explanation(directory: found) ?? "holds no model: no config.json, no .gguf file and no checkpoint in it"
            report("\(found) \(instead). \(KnownModel.advice(for: path))", key)
        }
        if !goesOn { try checkModel(model, "model") }
        if let teacher = distillation.teacher { try checkModel(teacher, "distillation.teacher") }
        if !goesOn, let tokenizer, existingPath(tokenizer) == nil { report("no such file or directory: \(places(tokenizer))", "tokenizer") }
        let files = [("datasets", datasets)] + (goesOn ? [] : [("compression.calibration.datasets", compression.calibration.datasets)])
        for (list, index, dataset) in files.flatMap({ list, entries in entries.enumerated().map { (list, $0, $1) } }) {
            let key = "\(list)[\(index)].path"
            if let found = existingPath(dataset.path) {
                if let complaint = DataPlace.complaint(about: found) { report(complaint, key) }
            } else {
                report(DataPlace.complaint(aboutMissing: dataset.path, places: places(dataset.path)), key)
            }
        }
        for (index, text) in evaluationTexts.enumerated() {
            let key = "eval_texts[\(index)]"
            guard let found = existingPath(text) else { report("no such file: \(places(text))", key); continue }
            if let problem = InputFile.problem(at: found) { report("\(found) \(problem.words)", key) }
        }
        if let checkpoint = resumeFromCheckpoint, checkpoint != "latest", existingModel(checkpoint) == nil {
            report("no such checkpoint: \(places(checkpoint))", "resume_from_checkpoint")
        }
        if !goesOn, let cache = compression.cache, let complaint = Self.complaintAboutWriting(to: outputPath(cache), key: "compression.cache") { report(complaint, "compression.cache") }
        if let cache = distillation.cache.map(outputPath) {
            // One that is there may be read without being written.
            let complaint = Self.isDirectory(cache) ? nil : Self.complaintAboutWriting(to: cache, key: "distillation.cache")
            if let complaint { report(complaint, "distillation.cache") }
        }
        if let complaint = Self.complaintAboutWriting(to: outputPath(outputDirectory), key: "output_dir") { report(complaint, "output_dir") }
        if let export, export.path != nil, let path = exportDirectory, let complaint = Self.complaintAboutWriting(to: path, key: "export.path") {
            report(complaint, "export.path")
        }
        if let path = exportDirectory, let found = existingModel(model), ExportDirectory.isPlace(path, of: found) {
            report("\(path) is the model of the run; give another directory, since what only this one holds would be lost", "export.path")
        }
        return issues
    }

    /// The place of a key, or of the nearest group around it, in the file.
    package func place(of key: String) -> ConfigurationIssue.Place {
        var key = Substring(key)
        while true {
            if let position = origin.positions[String(key)] {
                return position == .commandLine ? .commandLine : .line(file: origin.file, line: position.line)
            }
            guard let end = key.lastIndex(where: { $0 == "." || $0 == "[" }) else { return .file(origin.file) }
            key = key[..<end]
        }
    }

    private func places(_ path: String) -> String { candidates(for: path).joined(separator: ", nor ") }

    private static func isDirectory(_ path: String) -> Bool {
        FileSystem.kind(of: path) == .directory
    }

    private static func holdsModel(_ directory: String) throws(StorageError) -> Bool {
        try FileSystem.names(in: directory).contains { $0 == "config.json" || $0.hasSuffix(".gguf") || $0.hasSuffix(".h5") }
    }

    /// Why nothing can be written to a directory that may not exist yet; nil if it can. A directory is made and removed to see it.
    private static func complaintAboutWriting(to path: String, key: String) -> String? {
        do throws(StorageError) { try FileSystem.requireWritable(path) } catch {
            return "\(error). Set \(key) to a directory that can be written to"
        }
        return nil
    }
}
