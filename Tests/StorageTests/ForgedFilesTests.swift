import Foundation
import Storage
import Testing

/// Files whose seal fits and whose content is not what a checkpoint has (`Tests/Golden/storage/forged/make.py`). Each is refused by name before anything
/// in it is followed, unpacked or allocated.
@Suite struct ForgedFilesTests {
    @Test(arguments: [
        ("soft_link", "y"), ("external_link", "y"), ("cycle", "a/back"), ("two_names", "x"), ("packed", "x"), ("never_written", "x"), ("external_storage", "x"),
        ("reference", "y"), ("named_type", "t"), ("heap_nowhere", "byte 2026"),
    ])
    func isRefused(name: String, place: String) throws {
        try withScratch { scratch in
            let path = "\(scratch)/\(name).h5"
            try write(bytes("\(goldens)/forged/\(name).h5"), to: path)
            try SealedFile.seal(path)
            try SealedFile.verify(path)
            let error = failure { _ = try SealedFile.open(path) }
            #expect(error?.code == .malformed && error?.place == place, "\(String(describing: error))")
        }
    }
}
