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

/// Finds where the rows of a byte stream begin and end, in constant memory.
///
/// Lines end at the byte 0x0A and nowhere else: U+0085, U+2028 and their like are ordinary text. A byte order mark at the start,
/// a carriage return before the line feed and blank lines are left out.
struct RowScanner {
    let layout: RowLayout
    /// Text blocks end at the first line end after this many bytes, or between any two characters after four times as many.
    let blockBytes: Int
    private(set) var offsets: [Int] = []
    private(set) var lengths: [Int] = []
    private var position = 0
    private var start = 0
    private var lastByte: UInt8 = 0
    private var blank = true
    private var depth = 0
    private var inString = false
    private var escaped = false
    private var state = ArrayState.beforeArray

    private enum ArrayState { case beforeArray, beforeElement, inElement, afterArray }

    init(layout: RowLayout, blockBytes: Int) {
        self.layout = layout
        self.blockBytes = blockBytes
    }

    /// Takes the next bytes of the file. `position` counts from the file's first byte, a mark of `skipped` bytes included.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, skipping skipped: Int = 0) throws(RecordError) {
        if position == 0 {
            position = skipped
            start = skipped
        }
        switch layout {
        case .lines: scanLines(bytes, from: position == skipped ? skipped : 0)
        case .text: scanText(bytes, from: position == skipped ? skipped : 0)
        case .array: try scanArray(bytes, from: position == skipped ? skipped : 0)
        }
    }

    mutating func finish() throws(RecordError) {
        switch layout {
        case .lines: endLine(at: position)
        case .text: endBlock(at: position)
        case .array:
            if state == .beforeArray { throw RecordError("the file is empty; expected a JSON array") }
            if state != .afterArray { throw RecordError("the JSON array is not closed: the file is cut off") }
        }
    }

    private mutating func scanLines(_ bytes: UnsafeRawBufferPointer, from first: Int) {
        var i = first
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
            endLine(at: position)
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

    private mutating func endLine(at end: Int) {
        if !blank {
            offsets.append(start)
            lengths.append(end - start - (lastByte == 0x0D ? 1 : 0))
        }
        blank = true
        lastByte = 0
    }

    private mutating func scanText(_ bytes: UnsafeRawBufferPointer, from first: Int) {
        for i in first..<bytes.count {
            let byte = bytes[i]
            let size = position - start
            if size >= 4 * blockBytes, byte & 0xC0 != 0x80 { endBlock(at: position) }
            if blank { blank = isJSONSpace(byte) }
            position += 1
            if byte == 0x0A, size >= blockBytes { endBlock(at: position) }
        }
    }

    private mutating func endBlock(at end: Int) {
        if !blank {
            offsets.append(start)
            lengths.append(end - start)
        }
        blank = true
        start = end
    }

    private mutating func scanArray(_ bytes: UnsafeRawBufferPointer, from first: Int) throws(RecordError) {
        for i in first..<bytes.count {
            try take(bytes[i])
            position += 1
        }
    }

    private mutating func take(_ byte: UInt8) throws(RecordError) {
        switch state {
        case .beforeArray:
            if isJSONSpace(byte) { return }
            guard byte == UInt8(ascii: "[") else { throw RecordError("expected a JSON array") }
            state = .beforeElement
        case .beforeElement:
            if isJSONSpace(byte) || byte == UInt8(ascii: ",") { return }
            if byte == UInt8(ascii: "]") {
                state = .afterArray
                return
            }
            state = .inElement
            start = position
            depth = 0
            inString = false
            takeInElement(byte)
        case .inElement:
            takeInElement(byte)
        case .afterArray:
            guard isJSONSpace(byte) else { throw RecordError("text follows the end of the JSON array") }
        }
    }

    private mutating func takeInElement(_ byte: UInt8) {
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
                endElement()
                state = .afterArray
            } else {
                depth -= 1
            }
        case UInt8(ascii: ","):
            if depth <= 0 {
                endElement()
                state = .beforeElement
            }
        default: break
        }
    }

    private mutating func endElement() {
        offsets.append(start)
        lengths.append(position - start)
    }
}

func isJSONSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
