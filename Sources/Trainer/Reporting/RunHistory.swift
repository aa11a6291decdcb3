import Basics
import Foundation
import Kernels
import Storage

/// How a run came about: files of its directory that say with what it was started, and each time it went on.
///
/// Nothing reads them back; no number of the run depends on them.
package enum RunHistory {
    /// The configuration with all keys, of the last start: another run can be made from it.
    package static let configurationName = "configuration.json"
    /// One JSON object a line for each start.
    package static let startsName = "starts.jsonl"

    /// - Parameter resumedStep: the step that the run goes on from; nil where it begins.
    package static func record(_ c: Configuration, _ summary: JobSummary, resumedStep: Int?, date: Date = Date()) throws {
        let directory = summary.outputDirectory
        try FileSystem.writeAtomically(Array(c.canonicalText.utf8), to: directory + "/" + configurationName)
        let starts = try AppendedFile(path: directory + "/" + startsName)
        try starts.append(Array((start(c, summary, resumedStep: resumedStep, date: date).text() + "\n").utf8))
        try starts.synchronize()
        try starts.close()
    }

    static func start(_ c: Configuration, _ summary: JobSummary, resumedStep: Int?, date: Date) -> JSON {
        func text(_ value: String) -> JSON { JSON(.string(value)) }
        let processor = ProcessorModel.own
        return .object([
            ("date", text(ISO8601DateFormatter().string(from: date))), ("program", text(ProgramVersion.text)), ("resumed_step", resumedStep.json),
            ("host", text(ProcessInfo.processInfo.hostName)), ("system", text(ProcessInfo.processInfo.operatingSystemVersionString)),
            ("processor", .object([
                ("model", text(processor.name)), ("flags", processor.flags.json), ("usable", Processors.own.usable.json), ("loops", text(LibraryVersions.loops)),
                ("bf16_products", GEMM.hasFastBFloat16.json),
            ])),
            ("libraries", .object([("onednn", text(LibraryVersions.oneDNN)), ("openblas", text(LibraryVersions.openBLAS)), ("hdf5", text(HDF5File.libraryVersion))])),
            ("threads", summary.threads.json), ("ranks", summary.ranks.json), ("dtype", text(summary.compute.dtype)), ("total_steps", summary.totalSteps.json),
            ("configuration", c.json),
        ])
    }
}
