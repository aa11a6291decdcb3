/// A conversation written out as the model will read it, with the bytes to be trained marked.
package struct RenderedText: Sendable, Equatable {
    /// UTF-8.
    package private(set) var bytes: [UInt8] = []
    /// Ranges of `bytes` that are trained, ascending and disjoint.
    package private(set) var trained: [Range<Int>] = []
    /// Whether the bos token goes in front, if the tokenizer is one that puts it there. Templates that write bos themselves leave this false.
    package var wantsBos = false

    package init() {}

    /// - Parameter trained: ascending and disjoint.
    init(bytes: [UInt8], trained: [Range<Int>]) {
        self.bytes = bytes
        self.trained = trained
    }

    package var string: String { String(decoding: bytes, as: UTF8.self) }

    mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Writes text that is trained if `trained`.
    mutating func write(_ text: String, trained isTrained: Bool) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        guard isTrained, bytes.count > start else { return }
        if let last = trained.last, last.upperBound == start {
            trained[trained.count - 1] = last.lowerBound..<bytes.count
        } else {
            trained.append(start..<bytes.count)
        }
    }
}

extension StringProtocol {
    /// The text without the white space at both ends, as Python's `str.strip()` takes it away.
    func strippedLikePython() -> String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
            let last = scalars.lastIndex(where: { !$0.isPythonSpace })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }
}

extension Unicode.Scalar {
    /// What Python calls white space: Unicode's property and the four information separators.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}
