/// What the split patterns of byte-level tokenizers tell apart.
enum CharacterClass {
    static let other: UInt8 = 0
    /// General category L.
    static let letter: UInt8 = 1
    /// General category N.
    static let number: UInt8 = 2
    /// White_Space, except the two below.
    static let space: UInt8 = 3
    /// Carriage return and line feed, which are White_Space too.
    static let newline: UInt8 = 4
}

/// The class of every scalar, one byte each, by the tables of Unicode 16.
///
/// The Rust regex engines behind the reference libraries use Unicode 16. Swift's own tables are newer and PCRE2's may be
/// older, so characters are taken from Swift's tables and those assigned after Unicode 16 are left unassigned.
struct CharacterClasses: @unchecked Sendable {
    static let shared = CharacterClasses()

    /// 0x110000 bytes that live as long as the process and never change, hence safe to share.
    let table: UnsafePointer<UInt8>

    @inline(__always)
    subscript(_ scalar: UInt32) -> UInt8 { table[Int(scalar)] }

    private init() {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 0x110000)
        table.initialize(repeating: CharacterClass.other, count: 0x110000)
        // Beyond plane 3 nothing is a letter, a number or a space.
        for value in UInt32(0)..<0x40000 {
            guard let scalar = Unicode.Scalar(value), UnicodeTables.isAssigned(scalar) else { continue }
            let properties = scalar.properties
            switch properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
                table[Int(value)] = CharacterClass.letter
            case .decimalNumber, .letterNumber, .otherNumber:
                table[Int(value)] = CharacterClass.number
            default:
                if properties.isWhitespace { table[Int(value)] = CharacterClass.space }
            }
        }
        table[0x0A] = CharacterClass.newline
        table[0x0D] = CharacterClass.newline
        self.table = UnsafePointer(table)
    }
}

/// Swift's Unicode tables as of the version that the reference libraries use.
enum UnicodeTables {
    /// Whether a scalar is assigned in Unicode 16.
    static func isAssigned(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major <= 16
    }

    /// Ranges of the scalars that came with Unicode 15 and 16 and have a category accepted by `test`: what an older PCRE2 lacks.
    static func recentRanges(where test: (Unicode.GeneralCategory) -> Bool) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        for (value, category) in recent where test(category) {
            if let last = ranges.last, last.upperBound + 1 == value {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                ranges.append(value...value)
            }
        }
        return ranges
    }

    private static let recent: [(UInt32, Unicode.GeneralCategory)] = (UInt32(0x80)..<0x40000).compactMap { value in
        guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age.major == 15 || age.major == 16 else {
            return nil
        }
        return (value, scalar.properties.generalCategory)
    }
}
