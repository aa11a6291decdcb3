/// The merges of a byte-pair encoding: which two neighbouring symbols become which one, and which merge goes first.
final class MergeTable: @unchecked Sendable {
    // An open-addressed table of (pair, outcome), at most half full, written only by `init`.
    private let slots: UnsafeMutablePointer<(pair: UInt64, outcome: UInt64)>
    private let shift: UInt64
    private let mask: Int
    // One bit for each value of the upper hash bits that some pair has: most pairs do not merge, and this smaller table
    // tells so without a trip to memory.
    private let filter: UnsafeMutablePointer<UInt64>
    private let filterShift: UInt64

    /// The outcome for a pair that does not merge; larger than any other.
    static let none = UInt64.max
    // No pair: symbol ids are below 2^31.
    private static let empty = UInt64.max

    struct Merge {
        let left: Int32
        let right: Int32
        /// Smaller goes first; of equal ones the leftmost in the text.
        let rank: UInt32
        let result: Int32
    }

    /// Where a pair occurs more than once, its last merge counts.
    init(_ merges: [Merge]) {
        var bits: UInt64 = 4
        while 1 << bits < merges.count * 2 { bits += 1 }
        let capacity = 1 << Int(bits)
        shift = 64 - bits
        mask = capacity - 1
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: (Self.empty, Self.none), count: capacity)
        filterShift = shift - 3
        filter = .allocate(capacity: capacity / 8)
        filter.initialize(repeating: 0, count: capacity / 8)
        for merge in merges {
            let pair = Self.key(merge.left, merge.right)
            var slot = Int(truncatingIfNeeded: (pair &* Self.multiplier) >> shift)
            while slots[slot].pair != Self.empty, slots[slot].pair != pair { slot = (slot + 1) & mask }
            let bit = Int(truncatingIfNeeded: (pair &* Self.multiplier) >> filterShift)
            filter[bit >> 6] |= 1 << UInt64(bit & 63)
            slots[slot] = (pair, UInt64(merge.rank) << 32 | UInt64(UInt32(bitPattern: merge.result)))
        }
    }

    deinit {
        slots.deallocate()
        filter.deallocate()
    }

    /// `rank << 32 | result` of merging `left` and `right`, or `none`.
    @inline(__always)
    func outcome(_ left: Int32, _ right: Int32) -> UInt64 {
        let pair = Self.key(left, right)
        let hash = pair &* Self.multiplier
        let bit = Int(truncatingIfNeeded: hash >> filterShift)
        if filter[bit >> 6] >> UInt64(bit & 63) & 1 == 0 { return Self.none }
        var slot = Int(truncatingIfNeeded: hash >> shift)
        while true {
            let found = slots[slot]
            if found.pair == pair { return found.outcome }
            if found.pair == Self.empty { return Self.none }
            slot = (slot &+ 1) & mask
        }
    }

    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
