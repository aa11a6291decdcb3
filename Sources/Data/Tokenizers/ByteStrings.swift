/// Byte strings numbered from 0, stored end to end: what each id stands for.
struct ByteStrings: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var starts: [Int] = [0]

    var count: Int { starts.count - 1 }

    mutating func append(_ string: some Sequence<UInt8>) {
        bytes.append(contentsOf: string)
        starts.append(bytes.count)
    }

    subscript(_ index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }
}

/// Finds the number of a byte string.
struct ByteStringIndex: Sendable {
    // Slot -> number + 1 in an open-addressed table; the strings themselves stay in `strings`.
    private var slots: [Int32]
    private let strings: ByteStrings
    private let mask: Int

    /// Where a string occurs more than once, its last number is found; empty strings are not found.
    init(_ strings: ByteStrings) {
        self.strings = strings
        var capacity = 16
        while capacity < strings.count * 2 { capacity *= 2 }
        mask = capacity - 1
        slots = [Int32](repeating: 0, count: capacity)
        strings.bytes.withUnsafeBufferPointer { all in
            for number in 0..<strings.count {
                let start = strings.starts[number]
                let count = strings.starts[number + 1] - start
                if count == 0 { continue }
                let slot = find(all.baseAddress! + start, count, all)
                slots[slot] = Int32(number) + 1
            }
        }
    }

    func callAsFunction(_ string: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard let base = string.baseAddress, !string.isEmpty else { return nil }
        return strings.bytes.withUnsafeBufferPointer { all in
            let number = slots[find(base, string.count, all)]
            return number == 0 ? nil : number - 1
        }
    }

    func callAsFunction(_ string: [UInt8]) -> Int32? {
        string.withUnsafeBufferPointer { self($0) }
    }

    func callAsFunction(_ string: String) -> Int32? {
        var string = string
        return string.withUTF8 { self($0) }
    }

    /// The slot that holds the string, or the empty slot where it would go.
    private func find(_ base: UnsafePointer<UInt8>, _ count: Int, _ all: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: Self.hash(base, count)) & mask
        while true {
            let number = Int(slots[slot])
            if number == 0 { return slot }
            let start = strings.starts[number - 1]
            if strings.starts[number] - start == count, Self.equal(all.baseAddress! + start, base, count) { return slot }
            slot = (slot + 1) & mask
        }
    }

    private static func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        for index in 0..<count where a[index] != b[index] { return false }
        return true
    }

    private static func hash(_ base: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<count { hash = (hash ^ UInt64(base[index])) &* 0x0000_0100_0000_01B3 }
        return hash ^ hash >> 29
    }
}
