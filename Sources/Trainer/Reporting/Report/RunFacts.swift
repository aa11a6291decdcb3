import Basics
import Foundation
import HealData
import Kernels
import Storage

/// What a run is about and how it came about: `run.json` in its output directory. The metrics say how it went.
///
/// Reports read it; no number of the run depends on it.
package struct RunFacts: Codable, Sendable, Equatable {
    package struct File: Codable, Sendable, Equatable {
        package var path: String
        package var format: String
        package var rows: Int
        package var bytes: Int
        /// Of all bytes, in hexadecimal: tells whether two runs saw the same rows.
        package var content: String
        /// As the configuration gives them; nil where it does not, and for the split `train`.
        package var weight: Double?
        package var columns: [String: String]?
        package var split: String?

        /// How the rows are read and what they are for, where the file alone does not say it.
        var use: String {
            let keys: [(String, JSON?)] = [("split", split?.json), ("weight", weight?.json), ("columns", columns.map { ColumnNames($0).json })]
            return keys.map { key, value in value.map { ", \(key) \($0.text())" } ?? "" }.joined()
        }
    }

    /// From a start, or from a checkpoint gone on from, to the next stop. What is optional is not in files of earlier versions.
    package struct Session: Codable, Sendable, Equatable {
        /// ISO 8601, in UTC.
        package var began: String
        /// The steps that were done then.
        package var step: Int
        package var program: String
        package var processor: String
        package var threads: Int
        package var ranks: Int
        package var dtype: String
        package var libraries: String
        package var host: String?
        package var system: String?
        /// The processor's instruction sets that matter, those that the fused loops take, and whether products in bf16 have instructions of their own.
        package var flags: [String]?
        package var loops: String?
        package var bf16Products: Bool?
        /// Processors that could be used.
        package var usableProcessors: Int?
        package var totalSteps: Int?
        /// Every key of the configuration by its dotted name, as JSON.
        package var configuration: [String: String]?
    }

    /// What the run began with, also where it went on from a checkpoint.
    package var model: String
    package var teacher: String?
    package var family: String
    package var blocks: Int
    package var hidden: Int
    package var vocabulary: Int
    package var denseParameters: Int
    /// As planned until the matrices are decomposed: where sizes are spread by the loss, the result may differ a little.
    package var parameters: Int
    package var files: [File]
    package var heldBackRows: Int
    package var totalSteps: Int
    /// The keys whose values are not the defaults, by their dotted names, as JSON.
    package var settings: [String: String]
    package var sessions: [Session]

    package static let fileName = "run.json"
    /// The configuration of the last start with all keys: another run can be made from it.
    package static let configurationName = "configuration.json"

    /// Nil where a directory has none, or one that cannot be read: it is older, or damaged.
    package init?(directory: String) {
        guard let bytes = try? FileSystem.readAll(directory + "/" + Self.fileName, limit: 16 << 20),
            let found = try? JSONDecoder().decode(RunFacts.self, from: Data(bytes))
        else { return nil }
        self = found
    }

    init(_ prepared: HealingJob.Prepared, _ c: Configuration, step: Int) {
        let summary = prepared.summary
        model = prepared.checkpoint == nil ? summary.modelPath : c.existingPath(c.model) ?? c.model
        (teacher, family) = (summary.teacherPath, summary.configuration.family.rawValue)
        (blocks, hidden, vocabulary) = (summary.configuration.layers, summary.configuration.hiddenSize, summary.configuration.vocabularySize)
        (denseParameters, parameters) = (summary.plan.denseTotal, summary.plan.total)
        files = prepared.dataset.fingerprint.files.map {
            File(
                path: $0.path, format: $0.format.rawValue, rows: $0.rows, bytes: $0.bytes, content: $0.content, weight: $0.weight, columns: $0.columns,
                split: $0.split == .train ? nil : $0.split.rawValue)
        }
        (heldBackRows, totalSteps) = (prepared.dataset.heldBack.count, prepared.totalSteps)
        settings = Dictionary(c.differences(from: Configuration()).compactMap { difference in difference.now.map { (difference.key, $0) } }) { first, _ in first }
        settings = settings.filter { key, value in !["null", "[]"].contains(value) && !["description", "model", "output_dir", "threads"].contains(key) && !key.hasPrefix("datasets") }
        sessions = [Session(summary, c, step: step)]
    }

    /// Writes what is true now, and the configuration; the sessions that are there already stay.
    static func write(_ prepared: HealingJob.Prepared, _ c: Configuration, step: Int, to directory: String) throws {
        try FileSystem.writeAtomically(Array(c.canonicalText.utf8), to: directory + "/" + configurationName)
        var facts = RunFacts(prepared, c, step: step)
        if let before = RunFacts(directory: directory) {
            facts.sessions = before.sessions + facts.sessions
            if prepared.checkpoint != nil { facts.model = before.model }
        }
        try facts.write(to: directory)
    }

    /// Puts the number of parameters that there are in place of the planned one.
    static func settle(parameters: Int, in directory: String) throws {
        guard var facts = RunFacts(directory: directory), facts.parameters != parameters else { return }
        facts.parameters = parameters
        try facts.write(to: directory)
    }

    private func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        try FileSystem.writeAtomically(Array(try encoder.encode(self)) + [0x0A], to: directory + "/" + Self.fileName)
    }
}

extension RunFacts.Session {
    /// The one that begins now.
    init(_ summary: JobSummary, _ c: Configuration, step: Int) {
        let processor = ProcessorModel.own
        self.init(
            began: Date.now.formatted(.iso8601), step: step, program: ProgramVersion.text, processor: processor.name, threads: summary.threads, ranks: summary.ranks,
            dtype: summary.compute.words, libraries: "oneDNN \(LibraryVersions.oneDNN), \(LibraryVersions.openBLAS), HDF5 \(HDF5File.libraryVersion)",
            host: ProcessInfo.processInfo.hostName, system: ProcessInfo.processInfo.operatingSystemVersionString, flags: processor.flags, loops: LibraryVersions.loops,
            bf16Products: GEMM.hasFastBFloat16, usableProcessors: Processors.own.usable, totalSteps: summary.totalSteps, configuration: c.leaves)
    }
}

/// The program's version, as its option tells it and its files keep it.
package enum ProgramVersion {
    package static let text = "heal 0.1.0"
}
