import Basics
import Foundation

/// A file given on the command line, or standard input for "-".
enum TextInput {
    static func read(_ path: String) throws -> [UInt8] {
        if path == "-" {
            var bytes: [UInt8] = []
            try chunks { bytes.append(contentsOf: $0) }
            return bytes
        }
        guard let kind = FileSystem.kind(of: path) else { throw Failure("\(path): no such file", .missingInput) }
        guard kind != .directory else { throw Failure("\(path): is a directory; expected a file", .missingInput) }
        return try FileSystem.readAll(path, limit: .max)
    }

    /// The text of a file. Bytes that are not UTF-8 are an error: the model would see something else than was meant.
    static func text(_ path: String) throws -> String {
        guard let text = String(validating: try read(path), as: UTF8.self) else { throw Failure("\(path): is not UTF-8 text", .badInput) }
        return text
    }

    /// Standard input, piece by piece.
    static func chunks(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw Failure("standard input cannot be read: \(String(cString: strerror(errno)))", .inputOutput) }
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
