/// The order in which rows are drawn from several files, for all epochs, as a function of a draw's number.
///
/// **Without weights** an epoch takes every row of every file once. **With weights** an epoch has as many draws as all files have rows
/// together, and file i gets the share w_i / (w_1 + w_2 + ...) of them, rounded by largest remainder. A file whose share exceeds its rows
/// is gone through again and again, one whose share is smaller gives other rows in the next epoch, until all have had their turn: the k-th
/// draw from a file, counted over all epochs, is row k mod n of its pass k / n, and each pass has an order of its own.
/// Within an epoch the files' draws are shuffled together.
package struct DatasetMixture: Sendable, Equatable {
    /// Draws in one epoch.
    package let drawsPerEpoch: Int
    /// Draws from each file in one epoch.
    package let quotas: [Int]
    private let rowCounts: [Int]
    private let starts: [Int]
    private let seed: UInt64

    /// - Parameters:
    ///   - rowCounts: rows to draw from, by file.
    ///   - weights: one a file, or nil for every row once.
    package init(rowCounts: [Int], weights: [Double]?, seed: UInt64) {
        self.rowCounts = rowCounts
        self.seed = seed
        let total = rowCounts.reduce(0, +)
        quotas = weights.map { apportion(total, by: zip($0, rowCounts).map { $1 > 0 ? $0 : 0 }) } ?? rowCounts
        drawsPerEpoch = quotas.reduce(0, +)
        var sum = 0
        starts = quotas.map { quota in
            defer { sum += quota }
            return sum
        }
    }

    /// The file and the row in it that draw `draw` takes, and how often the row has come before; draws count on through the epochs.
    package func row(ofDraw draw: Int) -> (file: Int, row: Int, pass: Int) {
        let (epoch, index) = draw.quotientAndRemainder(dividingBy: drawsPerEpoch)
        let slot = Permutation(count: drawsPerEpoch, key: derivedKey(seed, 1, UInt64(epoch)))[index]
        let file = starts.lastIndex { $0 <= slot } ?? 0  // a file without draws starts where the next one does
        let drawOfFile = epoch * quotas[file] + slot - starts[file]
        let (pass, place) = drawOfFile.quotientAndRemainder(dividingBy: rowCounts[file])
        let order = Permutation(count: rowCounts[file], key: derivedKey(seed, 2, UInt64(file), UInt64(pass)))
        return (file, order[place], pass)
    }
}

/// `total` split in proportion to `weights`, by largest remainder, ties to the earlier.
func apportion(_ total: Int, by weights: [Double]) -> [Int] {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return weights.map { _ in 0 } }
    let exact = weights.map { Double(total) * ($0 / sum) }
    var parts = exact.map { Int($0) }
    let byRemainder = weights.indices.sorted { a, b in
        let (ra, rb) = (exact[a] - Double(parts[a]), exact[b] - Double(parts[b]))
        return ra == rb ? a < b : ra > rb
    }
    for index in byRemainder.prefix(max(0, total - parts.reduce(0, +))) { parts[index] += 1 }
    return parts
}
