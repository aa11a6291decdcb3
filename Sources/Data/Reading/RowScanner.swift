import Foundation

/// How the rows of a file are laid out.
package enum RowLayout: String, Sendable, Codable {
    /// One JSON object a line.
    case lines
    /// One JSON array of objects, as Alpaca's original file.
    case array
    /// Plain text, cut at line ends into blocks.
    case text
}

/// Finds where the rows of a byte stream begin and end, in constant memory, and hands out each as soon as its end is known.
///
/// A scanner that starts at the offset of a row finds the same rows from there on as one that came from the file's start.
/// Lines end at the byte 0x0A and nowhere else: U+0085, U+2028 and their like are ordinary text. A byte order mark at the start,
/// a carriage return before the line feed and blank lines are left out.
struct RowScanner {
    let layout: RowLayout
    /// Text blocks end at the first line end after this many bytes, or between any two characters after four times as many.
    let blockBytes: Int
    private var position: Int
    private var start: Int
    private var lastByte: UInt8 = 0
    private var blank = true
    private var depth = 0
    private var inString = false
    private var escaped = false
    private var state = ArrayState.beforeArray

    private enum ArrayState { case beforeArray, beforeElement, afterComma, inElement, afterArray }

    /// What takes a row: where it starts in the file, and its length in bytes.
    typealias Receiver = (_ offset: Int, _ length: Int) -> Void

    /// A scanner for the bytes from `position` on: the start of the content (after a byte order mark), or of a row.
    init(layout: RowLayout, blockBytes: Int, from position: Int, isAtRow: Bool = false) {
        self.layout = layout
        self.blockBytes = blockBytes
        self.position = position
        start = position
        state = isAtRow ? .beforeElement : .beforeArray
    }

    /// Takes the next bytes of the file.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, _ receive: Receiver) throws(RecordError) {
        switch layout {
        case .lines: scanLines(bytes, receive)
        case .text: scanText(bytes, receive)
        case .array: try scanArray(bytes, receive)
        }
    }

    /// Gives the row that the end of the file ends.
    mutating func finish(_ receive: Receiver) throws(RecordError) {
        switch layout {
        case .lines: endLine(at: position, receive)
        case .text: endBlock(at: position, receive)
        case .array:
            if state == .beforeArray { throw RecordError("the file is empty; expected a JSON array") }
            if state != .afterArray { throw RecordError("the JSON array is not closed: the file is cut off") }
        }
    }

    private mutating func scanLines(_ bytes: UnsafeRawBufferPointer, _ receive: Receiver) {
        var i = 0
        while i < bytes.count {
            let rest = bytes.count - i
            guard let found = memchr(bytes.baseAddress! + i, 0x0A, rest) else {
                noteContent(UnsafeRawBufferPointer(rebasing: bytes[i...]))
                position += rest
                return
            }
            let end = UnsafeRawPointer(found) - bytes.baseAddress!
            noteContent(UnsafeRawBufferPointer(rebasing: bytes[i..<end]))
            position += end - i
            endLine(at: position, receive)
            position += 1
            start = position
            i = end + 1
        }
    }

    private mutating func noteContent(_ bytes: UnsafeRawBufferPointer) {
        guard let last = bytes.last else { return }
        lastByte = last
        var i = 0
        while blank, i < bytes.count {
            blank = isJSONSpace(bytes[i])
            i += 1
        }
    }

    private mutating func endLine(at end: Int, _ receive: Receiver) {
        if !blank {
            receive(start, end - start - (lastByte == 0x0D ? 1 : 0))
        }
        blank = true
        lastByte = 0
    }

    private mutating func scanText(_ bytes: UnsafeRawBufferPointer, _ receive: Receiver) {
        var i = 0
        while i < bytes.count {
            let size = position - start
            if !blank, size < blockBytes {
                // No block ends here, whatever the bytes are.
                let skipped = min(blockBytes - size, bytes.count - i)
                position += skipped
                i += skipped
                continue
            }
            let byte = bytes[i]
            if size >= 4 * blockBytes, byte & 0xC0 != 0x80 { endBlock(at: position, receive) }
            if blank { blank = isJSONSpace(byte) }
            position += 1
            i += 1
            if byte == 0x0A, size >= blockBytes { endBlock(at: position, receive) }
        }
    }

    private mutating func endBlock(at end: Int, _ receive: Receiver) {
        if !blank { receive(start, end - start) }
        blank = true
        start = end
    }

    private mutating func scanArray(_ bytes: UnsafeRawBufferPointer, _ receive: Receiver) throws(RecordError) {
        var i = 0
        while i < bytes.count {
            if inString, !escaped {
                let inside = bytes[i...].prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }.count
                position += inside
                i += inside
                if i == bytes.count { return }
            }
            try take(bytes[i], receive)
            position += 1
            i += 1
        }
    }

    private mutating func take(_ byte: UInt8, _ receive: Receiver) throws(RecordError) {
        switch state {
        case .beforeArray:
            if isJSONSpace(byte) { return }
            guard byte == UInt8(ascii: "[") else { throw RecordError("expected a JSON array") }
            state = .beforeElement
        case .beforeElement, .afterComma:
            if isJSONSpace(byte) { return }
            guard byte != UInt8(ascii: ","), byte != UInt8(ascii: "]") || state == .beforeElement else {
                throw RecordError("a comma of the JSON array has no row \(byte == UInt8(ascii: ",") ? "before" : "after") it; remove it")
            }
            if byte == UInt8(ascii: "]") {
                state = .afterArray
                return
            }
            state = .inElement
            start = position
            depth = 0
            inString = false
            takeInElement(byte, receive)
        case .inElement:
            takeInElement(byte, receive)
        case .afterArray:
            guard isJSONSpace(byte) else { throw RecordError("text follows the end of the JSON array") }
        }
    }

    private mutating func takeInElement(_ byte: UInt8, _ receive: Receiver) {
        if inString {
            if escaped {
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"): depth -= 1
        case UInt8(ascii: "]"):
            if depth <= 0 {
                receive(start, position - start)
                state = .afterArray
            } else {
                depth -= 1
            }
        case UInt8(ascii: ","):
            if depth <= 0 {
                receive(start, position - start)
                state = .afterComma
            }
        default: break
        }
    }
}

func isJSONSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
