import CHDF5
import Foundation

/// The one gate to the HDF5 library: it is not safe for threads, so every call runs under one lock; failures become errors
/// that carry the library's own error stack, which is never printed.
enum HDF5Library {
    private static let lock = NSRecursiveLock()

    static func locked<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        // A file that could not be closed (disk full) must not be flushed again when the process exits.
        _ = leaveExitAlone
        // The setting belongs to a thread in some builds of the library.
        heal_h5_silence()
        return try body()
    }

    private static let leaveExitAlone: Void = { H5dont_atexit() }()

    /// A status or an identifier: negative means failure.
    @discardableResult
    static func check<Status: SignedInteger>(
        _ status: Status, _ file: String, _ place: String?, _ action: @autoclosure () -> String
    ) throws(StorageError) -> Status {
        guard status < 0 else { return status }
        let stack = errorStack()
        let full = stack.contains { $0.contains("No space left") || $0.contains("quota exceeded") || $0.contains("File too large") }
        let refused = stack.contains { $0.contains("Permission denied") || $0.contains("Read-only file system") }
        throw StorageError(
            full ? .noSpace : refused ? .unwritable : .library, file: file, place: place,
            "cannot \(action())" + (full ? ": no space is left; free some or write elsewhere" : ""),
            cause: cause(stack))
    }

    /// The system's reason where the stack quotes one, else the stack on one line.
    private static func cause(_ stack: [String]) -> String? {
        for line in stack {
            if let start = line.range(of: "error message = '"), let end = line[start.upperBound...].firstIndex(of: "'") {
                return String(line[start.upperBound..<end])
            }
        }
        return stack.isEmpty ? nil : "HDF5: " + stack.joined(separator: " < ").replacingOccurrences(of: "\n", with: " ")
    }

    /// Innermost first, where the reason is.
    private static func errorStack() -> [String] {
        var lines: [String] = []
        withUnsafeMutablePointer(to: &lines) { lines in
            _ = heal_h5_walk_errors(
                { _, entry, context in
                    if let description = entry?.pointee.desc, let context {
                        let lines = context.assumingMemoryBound(to: [String].self)
                        if lines.pointee.count < 4 { lines.pointee.append(String(cString: description)) }
                    }
                    return 0
                }, lines)
        }
        return lines
    }
}

/// An open HDF5 object, closed when it goes out of scope; its failure to close is of no consequence (only a file's is).
struct HDF5Handle: ~Copyable {
    let id: hid_t
    private let close: (hid_t) -> herr_t

    init(_ id: hid_t, _ close: @escaping (hid_t) -> herr_t) {
        self.id = id
        self.close = close
    }

    deinit { _ = close(id) }
}

/// What a dataset can hold. Files are little-endian, as is every machine that this program runs on.
package protocol HDF5Element: BitwiseCopyable, Sendable {
    static var hdf5Type: hid_t { get }
}

extension Float16: HDF5Element { package static var hdf5Type: hid_t { heal_h5_float16() } }
extension Float: HDF5Element { package static var hdf5Type: hid_t { heal_h5_float32() } }
extension Double: HDF5Element { package static var hdf5Type: hid_t { heal_h5_float64() } }
extension UInt8: HDF5Element { package static var hdf5Type: hid_t { heal_h5_uint8() } }
extension Int8: HDF5Element { package static var hdf5Type: hid_t { heal_h5_int8() } }
extension UInt16: HDF5Element { package static var hdf5Type: hid_t { heal_h5_uint16() } }
extension Int32: HDF5Element { package static var hdf5Type: hid_t { heal_h5_int32() } }
extension UInt32: HDF5Element { package static var hdf5Type: hid_t { heal_h5_uint32() } }
extension Int64: HDF5Element { package static var hdf5Type: hid_t { heal_h5_int64() } }
extension UInt64: HDF5Element { package static var hdf5Type: hid_t { heal_h5_uint64() } }
extension Int: HDF5Element { package static var hdf5Type: hid_t { heal_h5_int64() } }
