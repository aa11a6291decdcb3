import Basics

/// Token ids as they are given to a command: `[1, 2, 3]`, `1,2,3`, a file with either, or an object `{"ids": [...]}` as `generate --json` and
/// `tokenize` write it.
enum TokenIDs {
    /// - Parameter argument: the ids themselves, or a file; "-" is standard input.
    static func read(_ argument: String) throws -> [Int32] {
        if let first = argument.first(where: { !$0.isWhitespace }), first == "[" || first == "{" || (first.isNumber && FileSystem.kind(of: argument) == nil) {
            return try parse(Array(argument.utf8), place: "--ids")
        }
        return try parse(try TextInput.read(argument), place: argument)
    }

    static func parse(_ bytes: [UInt8], place: String) throws -> [Int32] {
        var ids: [Int32] = []
        var rest = TokenIDParser(bytes)
        if let problem = rest.parse(into: &ids) { throw Failure("\(place): \(problem)", .badInput) }
        return ids
    }
}

/// Reads a list of ids without building a document: lines of them come by the hundred thousand.
struct TokenIDParser {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)[...]
        position = 0
    }

    /// What is wrong, or nil.
    mutating func parse(into ids: inout [Int32]) -> String? {
        skipBlanks()
        if peek == UInt8(ascii: "{") {
            guard let start = idsMember() else { return "the object has no \"ids\"" }
            position = start
        }
        let isList = take(UInt8(ascii: "["))
        skipBlanks()
        if isList, take(UInt8(ascii: "]")) { return nil }
        while true {
            skipBlanks()
            if let problem = number(into: &ids) { return problem }
            skipBlanks()
            if take(UInt8(ascii: ",")) { continue }
            if isList { return take(UInt8(ascii: "]")) ? nil : "expected \",\" or \"]\" after the id at byte \(position + 1)" }
            return peek == nil ? nil : "expected \",\" between ids at byte \(position + 1)"
        }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func number(into ids: inout [Int32]) -> String? {
        let start = position, negative = take(UInt8(ascii: "-"))
        var value = 0, digits = 0
        while let byte = peek, (0x30...0x39).contains(byte) {
            value = min(value * 10 + Int(byte - 0x30), 1 << 40)
            digits += 1
            position += 1
        }
        let ends: [UInt8] = [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: "]")]
        guard digits > 0, peek.map(ends.contains) ?? true else { return "expected a token id, a whole number, at byte \(start + 1)" }
        guard let id = Int32(exactly: negative ? -value : value) else { return "the number at byte \(start + 1) is too large for a token id" }
        ids.append(id)
        return nil
    }

    /// Where the value of "ids" begins. The objects are this program's own, flat but for lists of numbers.
    private func idsMember() -> Int? {
        let key = Array("\"ids\"".utf8)
        guard bytes.count > key.count else { return nil }
        for start in 0..<(bytes.count - key.count) where bytes[start..<(start + key.count)].elementsEqual(key) {
            var after = start + key.count
            while after < bytes.count, bytes[after] == 0x20 { after += 1 }
            guard after < bytes.count, bytes[after] == UInt8(ascii: ":") else { continue }
            after += 1
            while after < bytes.count, bytes[after] == 0x20 { after += 1 }
            return after
        }
        return nil
    }
}
