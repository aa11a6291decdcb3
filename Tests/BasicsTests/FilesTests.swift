import Basics
import Foundation
import Testing

/// The gate to the file system.
@Suite struct FilesTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/files-\(UUID().uuidString)"
        try FileSystem.createDirectory(path)
        defer { try? FileSystem.removeTree(path) }
        try body(path)
    }

    private func put(_ bytes: [UInt8], _ path: String) throws {
        let file = try WritableFile(creating: path)
        try bytes.withRawBytes { (raw) throws(StorageError) in try file.write(raw, at: 0) }
        try file.close(syncing: false)
    }

    /// What a killed process left is not locked, and goes; what another is making stays.
    @Test func leftoversOfTheDeadGo() throws {
        try withDirectory { directory in
            for name in [".out.partial-1234", ".out.old-77"] {
                try FileSystem.createDirectory("\(directory)/\(name)/inner")
                try put([1], "\(directory)/\(name)/x")
            }
            try FileSystem.createDirectory("\(directory)/.out.partial-alive")
            guard case .held(let alive) = try FileLock.take("\(directory)/.out.partial-alive", creating: false) else { return }  // no locks here
            try AtomicDirectory.create("\(directory)/out") { try put([2], $0 + "/y") }
            withExtendedLifetime(alive) {}
            #expect(try FileSystem.names(in: directory) == [".out.partial-alive", "out"])
        }
    }

    /// Nothing waits for the reader of a pipe, whatever is written in its place; a device is written to.
    @Test func pipesAreRefusedByName() throws {
        try withDirectory { directory in
            for name in ["x", "x.partial", ".lock"] { #expect(mkfifo("\(directory)/\(name)", 0o600) == 0) }
            for (name, open) in [
                ("x", { _ = try AppendedFile(path: $0) }), ("x", { _ = try WritableFile(creating: $0) }), ("x", { try OutputFile.requireFile($0) }),
                (".lock", { _ = try FileLock.take($0, creating: true) }), (".lock", { _ = try FileLock.join($0) }),
                ("x.partial", { try FileSystem.writeAtomically([1], to: String($0.dropLast(".partial".count))) }),
            ] as [(String, (String) throws -> Void)] {
                let path = "\(directory)/\(name)", error = #expect(throws: StorageError.self) { try open(path) }
                #expect(error?.description == "\(path): is a pipe, not a file; move it away, or write elsewhere" && error?.code == .unwritable)
            }
            #expect(FileSystem.kind(of: directory + "/x.partial") == .other, "it is not removed")
            try AppendedFile(path: "/dev/null").append([1])
        }
    }

    @Test func replacesInOneStep() throws {
        try withDirectory { directory in
            try AtomicDirectory.create("\(directory)/out") { try put([1], $0 + "/x") }
            #expect(throws: StorageError.self) { try AtomicDirectory.create("\(directory)/out") { _ in } }
            try AtomicDirectory.create("\(directory)/out", replacing: true) { try put([2], $0 + "/y") }
            #expect(try FileSystem.names(in: directory) == ["out"] && FileSystem.names(in: directory + "/out") == ["y"])
        }
    }

    @Test func oneHolderAtATime() throws {
        try withDirectory { directory in
            guard case .held(let first) = try FileLock.take(directory + "/.lock", creating: true) else { return }
            guard case .busy = try FileLock.take(directory + "/.lock", creating: true) else { Issue.record("held twice"); return }
            withExtendedLifetime(first) {}
        }
    }

    /// A process that is alone in a shared directory removes what others left; nobody's names meet.
    @Test func sharedFolders() throws {
        try withDirectory { directory in
            let partial = SharedFolder.partial(directory + "/x.h5")
            #expect(partial != SharedFolder.partial(directory + "/x.h5") && SharedFolder.isPartial(partial))
            try put([1], partial)
            let folder = try SharedFolder(directory)
            #expect(FileSystem.kind(of: partial) == nil)
            try put([1], partial)
            let other = try SharedFolder(directory)
            #expect(FileSystem.kind(of: partial) == .file, "the first may be writing it")
            withExtendedLifetime((folder, other)) {}
        }
    }

    @Test func probesAndLeavesNothing() throws {
        try withDirectory { directory in
            try FileSystem.requireWritable(directory + "/a/b")
            #expect(try FileSystem.names(in: directory).isEmpty)
            #expect(throws: StorageError.self) { try FileSystem.requireWritable("/proc/heal/run") }
            try put([1], directory + "/file")
            #expect(throws: StorageError.self) { try FileSystem.requireWritable(directory + "/file/run") }
        }
    }

    @Test func aMappedFileThatWasWrittenToIsNamed() throws {
        try withDirectory { directory in
            let path = directory + "/x"
            try put([1, 2, 3], path)
            let file = try MappedFile(path: path)
            try file.requireUnchanged()
            try put([1, 2], path)
            let error = #expect(throws: StorageError.self) { try file.requireUnchanged() }
            #expect(error?.description.contains("changed by another program") == true)
            // Replacing a file leaves those alone who have it mapped.
            try FileSystem.removeFile(path)
            try put([9], path)
            try file.requireUnchanged()
        }
    }

    @Test(arguments: [(EMFILE, "too many open files"), (ENFILE, "too many open files"), (EIO, "disk"), (ENOSPC, "space"), (EACCES, "may not"), (ENOMEM, "memory")])
    func reasonsAreNamed(number: Int32, words: String) {
        for writing in [false, true] {
            let error = StorageError("do it", "x/y", number, writing: writing)
            #expect(error.description.hasPrefix("x/y: cannot do it") && error.description.contains(words) && error.isOfTheSystem, "\(error)")
        }
    }
}
