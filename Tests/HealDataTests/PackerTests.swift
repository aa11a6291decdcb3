import HealData
import Testing

@Suite struct PackerTests {
    /// A small generator, so that a failure can be repeated.
    private struct Random {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    private func rows(_ lengths: [Int], capacity: Int, window: Int) -> [[Int]] {
        var packer = Packer<Int>(capacity: capacity, window: window)
        var rows: [[Int]] = []
        for (index, length) in lengths.enumerated() {
            packer.add(index, length: length)
            if !packer.wantsMore, let row = packer.nextRow() { rows.append(row) }
        }
        while let row = packer.nextRow() { rows.append(row) }
        return rows
    }

    @Test(arguments: [(1, 1), (1, 10), (3, 7), (8, 64), (64, 100), (256, 512)])
    func losesAndRepeatsNothing(window: Int, capacity: Int) {
        var random = Random(state: UInt64(window * 1000 + capacity))
        for round in 0..<20 {
            let lengths = (0..<random.next(400)).map { _ in 1 + random.next(capacity) }
            let rows = rows(lengths, capacity: capacity, window: window)
            #expect(rows.flatMap { $0 }.sorted() == Array(lengths.indices), "window \(window), capacity \(capacity), round \(round)")
            #expect(rows.allSatisfy { $0.reduce(0) { $0 + lengths[$1] } <= capacity }, "window \(window), capacity \(capacity), round \(round)")
        }
    }

    @Test func oldestFirstThenTheLongestThatFits() {
        #expect(rows([5, 3, 4, 5, 1], capacity: 10, window: 5) == [[0, 3], [1, 2, 4]])
    }

    @Test func nothingWaitsForever() {
        // Sample 0 fits beside nothing that keeps arriving, yet leaves first.
        #expect(rows([9] + [Int](repeating: 5, count: 50), capacity: 10, window: 4).first == [0])
    }

    @Test func windowOfOneIsNoPacking() {
        #expect(rows([1, 1, 1], capacity: 10, window: 1) == [[0], [1], [2]])
    }

    @Test func rowsAreNearlyFull() {
        var random = Random(state: 5)
        let lengths = (0..<5000).map { _ in 20 + random.next(200) }
        let rows = rows(lengths, capacity: 512, window: 256)
        let fill = Double(lengths.reduce(0, +)) / Double(rows.count * 512)
        #expect(fill > 0.98, "\(fill)")
    }
}
