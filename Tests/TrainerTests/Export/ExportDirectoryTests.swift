import Foundation
import Testing
@testable import Trainer

@Suite struct ExportDirectoryTests {
    private func write(_ target: String, overwrite: Bool = false, mpo: Bool = false) throws {
        let opened = try OpenedModel.open(ExportSamples.stories)
        if mpo {
            try MPOExport.write(opened, weights: ExportSamples.compressed(opened), to: target, dtype: .fp32, overwrite: overwrite)
        } else {
            try HuggingFaceExport.write(opened, weights: opened.weights(), to: target, dtype: .bf16, overwrite: overwrite)
        }
    }

    @Test func replacesAnEarlierExportWhole() throws {
        try ExportSamples.withTarget { target in
            try write(target)
            try write(target, mpo: true)
            #expect(try ExportSamples.names(target).filter { $0.hasSuffix(".safetensors") } == ["mpo.safetensors"])
            try write(target)
            #expect(try ExportSamples.names(target).filter { $0.hasPrefix("mpo") } == [])
            // Nothing is left beside it.
            #expect(try ExportSamples.names((target as NSString).deletingLastPathComponent) == ["out"])
        }
    }

    @Test func takesAnEmptyDirectoryAndMakesParents() throws {
        try ExportSamples.withTarget { target in
            try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
            try write(target)
            #expect(try ExportSamples.names(target).contains("config.json"))
            try write(target + "/../a/b/c/")
            #expect(try ExportSamples.names(target + "/../a/b/c").contains("config.json"))
        }
    }

    @Test func refusesWhatIsNotAnExport() throws {
        try ExportSamples.withTarget { target in
            // A model that something else wrote.
            try FileManager.default.copyItem(atPath: ExportSamples.stories, toPath: target)
            let before = try ExportSamples.names(target)
            for mpo in [false, true] {
                #expect(message { try write(target, mpo: mpo) }.contains("holds other files than those of an earlier export; choose another place"))
            }
            #expect(try ExportSamples.names(target) == before)
            try write(target, overwrite: true)
            #expect(try !ExportSamples.names(target).contains("README.md"))

            // An export with a file of the user's in it.
            try Data("mine".utf8).write(to: URL(fileURLWithPath: target + "/notes.txt"))
            #expect(message { try write(target) }.contains("holds other files"))
            #expect(FileManager.default.fileExists(atPath: target + "/notes.txt"))

            // Directories inside are never removed, whatever is allowed.
            try FileManager.default.createDirectory(atPath: target + "/inner", withIntermediateDirectories: true)
            #expect(message { try write(target, overwrite: true) }.contains("holds the directory inner"))
            #expect(FileManager.default.fileExists(atPath: target + "/notes.txt"))
        }
    }

    @Test func refusesAFileUnlessAllowed() throws {
        try ExportSamples.withTarget { target in
            try Data("mine".utf8).write(to: URL(fileURLWithPath: target))
            #expect(message { try write(target) }.contains("exists and is not a directory"))
            #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine")
            try write(target, overwrite: true)
            #expect(try ExportSamples.names(target).contains("model.safetensors"))
        }
    }

    @Test func failureLeavesTheOldOne() throws {
        try ExportSamples.withTarget { target in
            try write(target)
            struct Stop: Error {}
            let before = try ExportSamples.names(target)
            #expect(throws: Stop.self) {
                try ExportDirectory.write(target, bytes: 10, overwrite: false) { temporary in
                    try Data("x".utf8).write(to: URL(fileURLWithPath: temporary + "/config.json"))
                    throw Stop()
                }
            }
            #expect(try ExportSamples.names(target) == before)
            #expect(try ExportSamples.names((target as NSString).deletingLastPathComponent) == ["out"])
            #expect(try OpenedModel.open(target).configuration.layers == 5)
        }
    }

    @Test func saysWhenThereIsNoRoom() throws {
        try ExportSamples.withTarget { target in
            let text = message { try ExportDirectory.write(target, bytes: 1 << 60, overwrite: false) { _ in } }
            #expect(text.contains("are free there; free some or choose another place"))
        }
    }

    @Test func namesTheTargetWhenTheSystemRefuses() throws {
        let text = message { try write("/proc/nowhere/out") }
        #expect(text.contains("/proc/nowhere"))
        #expect(text.contains("cannot create the directory"))
    }
}
