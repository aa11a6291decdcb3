import Basics
import Foundation
import Storage
import Testing

@Suite struct CheckpointTests {
    private func fill(_ file: HDF5File, _ step: Int) throws {
        try file.write((0..<500).map { Float($0 * step) }, at: "model/weights")
        try file.setAttribute("step", step, at: "/")
    }

    private func step(of path: String) throws -> Int? {
        let file = try SealedFile.open(path)
        defer { try? file.close() }
        #expect(try file.read("model/weights", as: Float.self).count == 500)
        return try file.intAttribute("step", at: "/")
    }

    @Test func savesFindsAndPrunes() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch + "/run/checkpoints")
            #expect(try directory.newestValid(SealedFile.open).newest == nil)
            for step in [1, 20, 300, 4000] {
                let report = try directory.save(step: step, keeping: 2) { try fill($0, step) }
                #expect(report.bytes > 2512)
                #expect(report.warnings.isEmpty)
                #expect(report.removed.map(\.step) == (step == 300 ? [1] : step == 4000 ? [20] : []))
            }
            #expect(try FileSystem.names(in: directory.path) == ["checkpoint-00000300.h5", "checkpoint-00004000.h5"])
            let search = try directory.newestValid(SealedFile.open)
            #expect(search.newest?.entry.step == 4000)
            #expect(search.invalid.isEmpty)
            #expect(try step(of: #require(search.newest).entry.path) == 4000)
            // A step of a run that was rewound is lower than those that exist, and yet stays.
            #expect(try directory.save(step: 310, keeping: 1) { try fill($0, 310) }.removed.map(\.step) == [300, 4000])
            #expect(try directory.entries().map(\.step) == [310])
        }
    }

    @Test func leavesOtherFilesAlone() throws {
        try withScratch { scratch in
            let foreign = ["checkpoint-1.h5", "checkpoint-00000001.h5.bak", "checkpoint-0000000x.h5", "xcheckpoint-00000001.h5", "notes.partial", "checkpoint-1.h5.partial"]
            for name in foreign { try write([1], to: scratch + "/" + name) }
            try FileSystem.createDirectory(scratch + "/checkpoint-00000002.h5")
            let directory = CheckpointDirectory(path: scratch)
            try directory.save(step: 5, keeping: 1) { try fill($0, 5) }
            try directory.save(step: 6, keeping: 1) { try fill($0, 6) }
            #expect(try FileSystem.names(in: scratch) == (foreign + ["checkpoint-00000002.h5", "checkpoint-00000006.h5"]).sorted())
            #expect(CheckpointDirectory.step(fileName: "checkpoint-123456789.h5") == 123_456_789)
            #expect(CheckpointDirectory.step(fileName: "checkpoint-012345678.h5") == nil)
        }
    }

    @Test func aFailedSaveChangesNothing() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch)
            try directory.save(step: 1, keeping: 1) { try fill($0, 1) }
            let before = try bytes(scratch + "/checkpoint-00000001.h5")
            struct Stop: Error {}
            for step in [1, 2] {
                #expect(throws: Stop.self) {
                    try directory.save(step: step, keeping: 1) { file in
                        try fill(file, 9)
                        throw Stop()
                    }
                }
            }
            #expect(try FileSystem.names(in: scratch) == ["checkpoint-00000001.h5"])
            #expect(try bytes(scratch + "/checkpoint-00000001.h5") == before)
            let error = failure { try directory.save(step: 3, expectedBytes: 1 << 60) { try fill($0, 3) } }
            #expect(error?.code == .noSpace)
            #expect(failure { try CheckpointDirectory(path: scratch + "/checkpoint-00000001.h5").save(step: 1) { try fill($0, 1) } }?.code == .unwritable)
            #expect(failure { try CheckpointDirectory(path: "/proc/no").save(step: 1) { try fill($0, 1) } }?.code == .unwritable)
        }
    }

    @Test func cleansUpAfterAKilledSave() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch)
            try directory.save(step: 1) { try fill($0, 1) }
            // What a kill leaves: a temporary file, half written.
            let half = try bytes(scratch + "/checkpoint-00000001.h5").prefix(1500)
            try write(Array(half), to: scratch + "/checkpoint-00000002.h5.partial")
            #expect(try directory.newestValid(SealedFile.open).newest?.entry.step == 1)
            try directory.save(step: 3) { try fill($0, 3) }
            #expect(try FileSystem.names(in: scratch) == ["checkpoint-00000001.h5", "checkpoint-00000003.h5"])
        }
    }

    @Test func namesInvalidOnesAndGoesBack() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch)
            for step in 1...5 { try directory.save(step: step) { try fill($0, step) } }
            func path(_ step: Int) -> String { scratch + "/" + CheckpointDirectory.fileName(step: step) }
            var flipped = try bytes(path(5))
            flipped[flipped.count / 2] ^= 4
            try write(flipped, to: path(5))
            try write(bytes(path(4)).dropLast(), to: path(4))
            try write([], to: path(3))
            var unsealed = try bytes(path(2))
            unsealed.replaceSubrange(0..<512, with: [UInt8](repeating: 0, count: 512))
            try write(unsealed, to: path(2))
            let search = try directory.newestValid(SealedFile.open)
            #expect(search.newest?.entry.step == 1)
            #expect(search.invalid.map(\.entry.step) == [5, 4, 3, 2])
            #expect(search.invalid.map { ($0.reason as? StorageError)?.code } == [.checksum, .truncated, .truncated, .truncated])
            #expect("\(search.invalid[3].reason)".contains("never finished"))
            #expect(failure { _ = try SealedFile.open(goldens + "/reference.h5") }?.code == .malformed)
        }
    }

    /// A dataset that was not written, under a seal that fits: the one before is taken, and pruning does not sacrifice it.
    @Test func damagedContentUnderAGoodSeal() throws {
        try withScratch { scratch in
            for step in [1, 2, 3] { try CheckpointDirectory(path: scratch).save(step: step) { try fill($0, step) } }
            let path = scratch + "/" + CheckpointDirectory.fileName(step: 3)
            var damaged = try bytes(path)
            let value = withUnsafeBytes(of: Float(300)) { Array($0) }
            damaged[try #require(damaged.firstRange(of: value)).lowerBound] ^= 1
            try write(damaged, to: path)
            try SealedFile.seal(path)
            try SealedFile.verify(path)
            #expect(failure { try SealedFile.verifyContents(path) }?.code == .checksum)
            let directory = CheckpointDirectory(path: scratch)
            let search = try directory.newestValid { path in
                let file = try SealedFile.open(path)
                try SealedFile.verifyContents(path)
                return file
            }
            #expect(search.newest?.entry.step == 2 && search.invalid.map(\.entry.step) == [3])
            let report = try directory.save(step: 4, keeping: 2) { try fill($0, 4) }
            #expect(try report.removed.map(\.step) == [1] && report.warnings.count == 1 && directory.entries().map(\.step) == [2, 3, 4])
        }
    }

    /// A pipe in the place of the file that is written is told as such, and stays.
    @Test func aPipeInTheWay() throws {
        try withScratch { scratch in
            let path = scratch + "/checkpoint-00000002.h5.partial"
            #expect(mkfifo(path, 0o600) == 0)
            let error = failure { try CheckpointDirectory(path: scratch).save(step: 2) { try fill($0, 2) } }
            #expect(error?.file == path && error?.message.hasPrefix("is a pipe, not a file") == true)
            #expect(FileSystem.kind(of: path) == .other)
        }
    }

    /// Looking through groups takes a time that grows with their depth.
    @Test func depthIsLimited() throws {
        try withScratch { scratch in
            for (depth, isTaken) in [(8, true), (9, false), (300, false)] {
                let path = "\(scratch)/\(depth).h5", file = try SealedFile.create(path)
                try file.createGroup((0..<depth).map { _ in "a" }.joined(separator: "/"))
                try file.close()
                try SealedFile.seal(path)
                let error = failure { _ = try SealedFile.open(path) }
                #expect((error == nil) == isTaken)
                if !isTaken { #expect(error?.code == .malformed) }
                if depth == 9 { #expect(error?.place == "a/a/a/a/a/a/a/a/a") }
            }
        }
    }

    /// What the machine cannot do now says nothing about a file: no older one is taken for it.
    @Test func whatTheSystemRefusesIsNoDamage() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch)
            try directory.save(step: 1) { try fill($0, 1) }
            for number in [EMFILE, ENFILE, EIO, ENOMEM, EACCES] {
                let error = failure { _ = try directory.newestValid { path -> Int in throw StorageError("open", path, number, writing: false) } }
                #expect(error?.number == number && error?.isOfTheSystem == true)
            }
            #expect(StorageError("open", "x", EMFILE, writing: false).description.contains("too many open files"))
        }
    }

    @Test func everyTruncationAndFlippedBitIsSeenBeforeHDF5Is() throws {
        try withScratch { scratch in
            let directory = CheckpointDirectory(path: scratch)
            let entry = try directory.save(step: 1) { try $0.write([1, 2, 3] as [Float], at: "x") }.entry
            let whole = try bytes(entry.path)
            for count in 0..<whole.count {
                try write(Array(whole[..<count]), to: entry.path)
                #expect(failure { try SealedFile.verify(entry.path) } != nil, "\(count) bytes")
            }
            var random = Random(state: 3)
            for _ in 0..<1000 {
                var flipped = whole
                let position = Int.random(in: 512..<whole.count, using: &random)
                flipped[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try write(flipped, to: entry.path)
                #expect(failure { try SealedFile.verify(entry.path) }?.code == .checksum, "byte \(position)")
            }
            for position in 0..<512 {  // the seal itself
                var flipped = whole
                flipped[position] ^= 1
                try write(flipped, to: entry.path)
                #expect(failure { try SealedFile.verify(entry.path) } != nil, "byte \(position)")
            }
        }
    }
}
