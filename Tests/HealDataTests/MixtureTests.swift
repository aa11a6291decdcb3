import HealData
import Testing

@Suite struct MixtureTests {
    @Test(arguments: [1, 2, 3, 4, 5, 16, 17, 1000, 4097])
    func permutationsAreBijections(count: Int) {
        let a = Permutation(count: count, key: 1)
        let order = (0..<count).map { a[$0] }
        #expect(order.sorted() == Array(0..<count))
        if count > 16 {
            #expect(order != (0..<count).map { Permutation(count: count, key: 2)[$0] })
            #expect(order != Array(0..<count))
        }
    }

    /// The order must not change between machines or versions: a saved position would mean other samples.
    @Test func permutationIsPinned() {
        let order = (0..<10).map { Permutation(count: 10, key: 42)[$0] }
        #expect(order == [2, 4, 9, 0, 7, 1, 3, 6, 8, 5])
    }

    @Test func permutationsLookRandom() {
        // Neighbours end up far apart, and every tenth of the input reaches every tenth of the output about equally.
        let count = 10_000
        let permutation = Permutation(count: count, key: 3)
        var cells = [Int](repeating: 0, count: 100)
        for index in 0..<count { cells[index / 1000 * 10 + permutation[index] / 1000] += 1 }
        let chiSquare = cells.reduce(0.0) { $0 + (Double($1) - 100) * (Double($1) - 100) / 100 }
        #expect(chiSquare < 130, "\(chiSquare)")  // 81 degrees of freedom: 0.999 quantile 126, less for a permutation
    }

    private func epoch(_ mixture: DatasetMixture, _ number: Int) -> [(file: Int, row: Int, pass: Int)] {
        (0..<mixture.drawsPerEpoch).map { mixture.row(ofDraw: number * mixture.drawsPerEpoch + $0) }
    }

    @Test func withoutWeightsEveryRowComesOnceAnEpoch() {
        let mixture = DatasetMixture(rowCounts: [7, 1, 20], weights: nil, seed: 1)
        #expect(mixture.drawsPerEpoch == 28)
        let all = Set([7, 1, 20].enumerated().flatMap { file, count in (0..<count).map { [file, $0] } })
        for number in 0..<3 {
            let rows = epoch(mixture, number).map { [$0.file, $0.row] }
            #expect(Set(rows) == all && rows.count == 28, "epoch \(number)")
        }
        #expect(epoch(mixture, 0).map { [$0.file, $0.row] } != epoch(mixture, 1).map { [$0.file, $0.row] })
        let other = DatasetMixture(rowCounts: [7, 1, 20], weights: nil, seed: 2)
        #expect(epoch(mixture, 0).map { [$0.file, $0.row] } != epoch(other, 0).map { [$0.file, $0.row] })
    }

    @Test func weightsAreSharesOfAnEpoch() {
        let mixture = DatasetMixture(rowCounts: [100, 10, 90], weights: [1, 1, 2], seed: 1)
        #expect(mixture.quotas == [50, 50, 100])
        for number in 0..<2 {
            let rows = epoch(mixture, number)
            #expect((0..<3).map { file in rows.count { $0.file == file } } == [50, 50, 100], "epoch \(number)")
        }
        // Two epochs show the first file's 100 rows once each, and the second file's 10 rows ten times each.
        let both = epoch(mixture, 0) + epoch(mixture, 1)
        #expect(Set(both.filter { $0.file == 0 }.map(\.row)).count == 100)
        let counts = (0..<10).map { row in both.count { $0.file == 1 && $0.row == row } }
        #expect(counts == [Int](repeating: 10, count: 10))
        for row in 0..<10 { #expect(both.filter { $0.file == 1 && $0.row == row }.map(\.pass).sorted() == Array(0..<10)) }
    }

    @Test func aFileWithoutDrawsIsNeverDrawn() {
        let mixture = DatasetMixture(rowCounts: [5, 3, 5], weights: [1, 1e-9, 1], seed: 1)
        #expect(mixture.quotas.reduce(0, +) == 13 && mixture.quotas[1] == 0)
        #expect(epoch(mixture, 0).allSatisfy { $0.file != 1 && $0.row < 5 })
    }
}
