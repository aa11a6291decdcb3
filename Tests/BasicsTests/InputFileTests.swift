import Basics
import Foundation
import Testing

@Suite struct InputFileTests {
    /// Nothing waits for the writer of a pipe or reads a device.
    @Test func onlyFilesAreOpened() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-input-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/file", pipe = directory + "/pipe", link = directory + "/link"
        try Data("a".utf8).write(to: URL(fileURLWithPath: file))
        #expect(mkfifo(pipe, 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: pipe)
        for (path, problem) in [
            (pipe, .notAFile("a pipe")), (link, .notAFile("a pipe")), ("/dev/zero", .notAFile("a device")), (directory, .notAFile("a directory")),
            (directory + "/none", .missing), (file + "/below", .missing),
        ] as [(String, InputFile.Problem)] {
            #expect(throws: problem, "\(path)") { try InputFile.open(path) }
            #expect(InputFile.problem(at: path) == problem)
        }
        let descriptor = try InputFile.open(file)
        defer { close(descriptor) }
        #expect(InputFile.problem(at: file) == nil)
        #expect(InputFile.Problem.notAFile("a pipe").words == "is a pipe, not a file; write what it gives to a file first")
    }
}
