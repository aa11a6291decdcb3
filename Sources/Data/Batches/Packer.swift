/// Packs samples of unequal length into rows of bounded length, in a stream.
///
/// Up to `window` samples wait. A row starts with the one that has waited longest, so none waits forever, and takes the longest that
/// still fits until none does. What waits is the whole state: the same samples waiting give the same rows.
package struct Packer<Item: Sendable>: Sendable {
    package let capacity: Int
    package let window: Int
    /// Waiting samples in order of arrival. Lengths are between 1 and `capacity`.
    package private(set) var waiting: [(item: Item, length: Int)] = []

    package init(capacity: Int, window: Int) {
        self.capacity = capacity
        self.window = window
    }

    package var wantsMore: Bool { waiting.count < window }

    package mutating func add(_ item: Item, length: Int) { waiting.append((item, min(length, capacity))) }

    /// The next row; nil when nothing waits. Call it once the packer wants no more, or nothing more comes.
    package mutating func nextRow() -> [Item]? {
        guard !waiting.isEmpty else { return nil }
        let first = waiting.removeFirst()
        var row = [first.item]
        var room = capacity - first.length
        while let best = longestFit(in: room) {
            let chosen = waiting.remove(at: best)
            row.append(chosen.item)
            room -= chosen.length
        }
        return row
    }

    private func longestFit(in room: Int) -> Int? {
        var best: Int?
        var length = 0
        for index in waiting.indices where waiting[index].length <= room && waiting[index].length > length {
            best = index
            length = waiting[index].length
        }
        return best
    }
}
