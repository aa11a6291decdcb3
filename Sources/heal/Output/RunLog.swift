import Basics
import Foundation

/// The log of a run: what was printed, as plain text. It only grows; a run that goes on appends to it.
enum RunLog {
    case none
    /// Until the place of the file is known, and its directory is locked.
    case waiting([UInt8])
    case file(Int32)

    /// Opens the file and puts in a title and what has waited. Why it cannot; nil where it can.
    mutating func open(_ path: String, title: String) -> String? {
        guard case .waiting(let bytes) = self else { return nil }
        do throws(StorageError) {
            self = .file(try OutputFile.open(path, O_WRONLY | O_CREAT | O_APPEND))
        } catch {
            self = .none
            return "there is no log: \(error)"
        }
        append(title)
        bytes.withUnsafeBytes { append($0) }
        return nil
    }

    mutating func append(_ line: String) {
        Array((line + "\n").utf8).withUnsafeBytes { append($0) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .none: break
        case .waiting(let before): self = .waiting(before + bytes)
        case .file(let descriptor):
            // The run is worth more than its log: where that cannot be written, it ends.
            if !Self.write(bytes, to: descriptor) { end(descriptor) }
        }
    }

    private mutating func end(_ descriptor: Int32) {
        let text = "heal: warning: the log cannot be written and ends here: \(String(cString: strerror(errno)))\n"
        _ = text.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
        close(descriptor)
        self = .none
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return false }
            done += count
        }
        return true
    }
}
