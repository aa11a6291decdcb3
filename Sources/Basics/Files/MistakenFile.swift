/// What lies in the place of a file that was meant to be there: pointers, web pages and archives that got its name.
///
/// Readers ask before they parse: no parser of their own format has words for these.
package enum MistakenFile {
    /// What is in the place of which kind of file.
    package enum Expected: Sendable {
        /// Configuration, index or rows: text that may well begin with a brace.
        case text
        /// Weights or a vocabulary in a binary format.
        case binary
    }

    /// - Parameter head: the file's first bytes; 512 or the whole file are enough.
    /// - Returns: what the file is and what to do, to be put behind its name; nil where nothing speaks against it.
    package static func explanation<Bytes: Sequence<UInt8>>(of head: Bytes, expected: Expected) -> String? {
        let head = Array(head.prefix(512))
        if head.isEmpty { return "is empty; get the file again" }
        if head.starts(with: Array("version https://git-lfs.github.com/spec/".utf8)) || head.starts(with: Array("version https://hawser.github.com/spec/".utf8)) {
            return "is a Git LFS pointer, not the file itself; run `git lfs pull` in the clone that it comes from, or download the file"
        }
        if isWebPage(head) { return "is an HTML page, as servers send it in place of a file; download the file again" }
        if let archive = archives.first(where: { head.starts(with: $0.magic) }) { return archive.words }
        guard expected == .binary else { return nil }
        if isBlank(head) { return "begins with zeros alone; the download was not completed" }
        return errorMessage(head)
    }

    private static func isWebPage(_ head: [UInt8]) -> Bool {
        let start = String(decoding: head.drop { isSpace($0) || [0xEF, 0xBB, 0xBF].contains($0) }.prefix(32), as: UTF8.self).lowercased()
        return ["<!doctype html", "<html", "<head", "<?xml"].contains { start.hasPrefix($0) }
    }

    /// A server's complaint: a short text, or a JSON object with "error" and no tensor.
    private static func errorMessage(_ head: [UInt8]) -> String? {
        guard head.count < 512, let text = String(validating: head, as: UTF8.self), !text.unicodeScalars.contains("\0") else { return nil }
        let words = text.lowercased()
        guard ["error", "denied", "not found", "unauthorized", "forbidden", "restricted"].contains(where: words.contains) else { return nil }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? text
        return "holds a server's message in place of the file (\(line.prefix(120))); download it again"
    }

    private static func isBlank(_ head: [UInt8]) -> Bool { head.count >= 64 && head.allSatisfy { $0 == 0 } }
    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    private static let archives: [(magic: [UInt8], words: String)] = [
        (Array("PK\u{3}\u{4}".utf8), "is a zip archive, as PyTorch writes its weights (or one that has to be unpacked); convert PyTorch weights to safetensors"),
        ([0x80, 0x02, 0x8A, 0x0A], "is a PyTorch file of the old form; convert it to safetensors"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "is a 7z archive; unpack it"),
        ([0x28, 0xB5, 0x2F, 0xFD], "is compressed with zstd; unpack it"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "is compressed with xz; unpack it"),
        (Array("BZh".utf8), "is compressed with bzip2; unpack it"),
        (Array("Rar!".utf8), "is a rar archive; unpack it"),
    ]
}
