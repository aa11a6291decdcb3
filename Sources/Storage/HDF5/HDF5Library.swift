import Basics
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
        guard let number = systemNumber(stack) else {
            throw StorageError(.library, file: file, place: place, "cannot \(action())", cause: cause(stack))
        }
        throw StorageError(action(), file, number, writing: !reads(stack), place: place)
    }

    /// The value of `errno` that the stack quotes; nil where no system call failed.
    private static func systemNumber(_ stack: [String]) -> Int32? {
        for line in stack {
            if let start = line.range(of: "errno = "), let number = Int32(line[start.upperBound...].prefix { $0.isNumber }), number != 0 { return number }
        }
        return nil
    }

    /// Whether the call that failed was to read: a `read`, or an `open` without a flag for writing.
    private static func reads(_ stack: [String]) -> Bool { stack.contains { $0.contains("read failed") || $0.hasSuffix("o_flags = 0") } }

    /// The library's own words, on one line.
    private static func cause(_ stack: [String]) -> String? {
        stack.isEmpty ? nil : "HDF5: " + stack.joined(separator: " < ").replacingOccurrences(of: "\n", with: " ")
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

/// An open HDF5 object. Whoever wrote to it closes it and looks at the status: the library writes what it has buffered only then. Otherwise it is closed
/// when it goes out of scope, after an error, or where there was nothing to write.
struct HDF5Handle: ~Copyable {
    let id: hid_t
    private let closing: @convention(c) (hid_t) -> herr_t

    init(_ id: hid_t, _ closing: @convention(c) @escaping (hid_t) -> herr_t) {
        self.id = id
        self.closing = closing
    }

    /// The library's status.
    consuming func close() -> herr_t {
        let status = closing(id)
        discard self
        return status
    }

    deinit { _ = closing(id) }
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
