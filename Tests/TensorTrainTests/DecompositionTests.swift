import Testing

@testable import TensorTrain
import Kernels

@Suite struct DecompositionTests {
    @Test func fullRankGivesTheMatrixBack() throws {
        for (out, input) in Naive.factors {
            let layout = try MPOLayout(outFactors: out, inFactors: input)
            let matrix = Naive.matrix(layout, seed: 1)
            for gauge in Gauge.allCases {
                let result = try MPO.decompose(matrix, layout: layout, gauge: gauge)
                expectClose(result.mpo.dense(), matrix, "\(layout) \(gauge)")
                #expect(result.truncation.cutNorm == 0 && result.mpo.layout.parameterCount <= layout.parameterCount)
                #expect(try result.mpo.distance(toDense: matrix) <= result.truncation.bound, "\(layout) \(gauge)")
            }
        }
    }

    @Test func errorIsTheDistanceAndTheBoundHolds() throws {
        for (out, input) in Naive.factors where out.count > 1 {
            for cap in 1...6 {
                let layout = try MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(cap))
                let matrix = Naive.matrix(layout, seed: UInt64(cap))
                for method in [SVDMethod.automatic, .exact, .gram(SubspaceIteration()), .gram(SubspaceIteration(oversampling: 4, smallest: 1))] {
                    let result = try MPO.decompose(matrix, layout: layout, method: method)
                    let distance = Naive.distance(Naive.dense(result.mpo), matrix)
                    #expect(distance <= result.truncation.bound, "\(layout) \(method)")
                    // Tight: the cuts' errors are orthogonal.
                    let slack = method == .automatic || method == .exact ? 1e-11 : 1e-9
                    #expect(result.truncation.cutNorm <= distance + slack, "\(layout) \(method)")
                    #expect(abs(result.truncation.norm - Naive.norm(matrix)) < 1e-12)
                }
            }
        }
    }

    @Test func twoCoresAreTheBestOfTheirRank() throws {
        let layout = try MPOLayout(outFactors: [4, 6], inFactors: [5, 3], limit: .bondDimension(7))
        let matrix = Naive.matrix(layout, seed: 3)
        let spectrum = try MPO.singularValues(of: matrix, layout: layout, bond: 1)
        let best = Naive.norm(Array(spectrum.dropFirst(7)))
        let result = try MPO.decompose(matrix, layout: layout)
        #expect(abs(result.truncation.cutErrors[0] - best) < 1e-12)
        #expect(abs(try result.mpo.distance(toDense: matrix) - best) < 1e-12)
    }

    @Test func spectraAreThoseOfEachBond() throws {
        for (out, input) in Naive.factors {
            let layout = try MPOLayout(outFactors: out, inFactors: input)
            let matrix = Naive.matrix(layout, seed: 9)
            for bond in 1..<max(layout.cores, 1) {
                // Only this bond is cut, to every rank: the loss is the tail of its spectrum.
                let spectrum = try MPO.singularValues(of: matrix, layout: layout, bond: bond)
                #expect(abs(Naive.norm(spectrum) - Naive.norm(matrix)) < 1e-12)
                for rank in 1..<max(spectrum.count, 1) {
                    var bonds = layout.exactBonds
                    bonds[bond] = rank
                    for later in bond + 1..<bonds.count {
                        bonds[later] = min(bonds[later], bonds[later - 1] * layout.products[later - 1])
                    }
                    let cut = try MPO.decompose(
                        matrix, layout: MPOLayout(outFactors: out, inFactors: input, bonds: bonds))
                    #expect(
                        abs(cut.truncation.cutErrors[bond - 1] - Naive.norm(Array(spectrum[rank...]))) < 1e-11,
                        "\(layout), bond \(bond), rank \(rank)")
                }
            }
            #expect(throws: TensorTrainError.self) { try MPO.singularValues(of: matrix, layout: layout, bond: 0) }
            #expect(throws: TensorTrainError.self) {
                try MPO.singularValues(of: matrix, layout: layout, bond: layout.cores)
            }
        }
    }

    @Test func gaugesAreWhatTheySay() throws {
        for (out, input) in Naive.factors where out.count > 1 {
            let layout = try MPOLayout(outFactors: out, inFactors: input, limit: .bondDimension(3))
            let matrix = Naive.matrix(layout, seed: 4)
            let left = try MPO.decompose(matrix, layout: layout, gauge: .left).mpo
            for core in left.cores.dropLast() {
                expectIsometry(core.values, rows: core.leftRows, columns: core.right, "\(layout)")
            }
            let right = try MPO.decompose(matrix, layout: layout, gauge: .right).mpo
            for core in right.cores.dropFirst() {
                expectIsometry(
                    Naive.transposed(core.values, rows: core.left, columns: core.rightColumns),
                    rows: core.rightColumns, columns: core.left, "\(layout)")
            }
            let balanced = try MPO.decompose(matrix, layout: layout, gauge: .balanced).mpo
            if layout.cores == 2 {
                let norms = balanced.values.map { Naive.norm($0) }
                #expect(abs(norms[0] - norms[1]) < 1e-12, "\(layout)")
            }
            expectClose(left.dense(), right.dense(), "\(layout)")
            expectClose(left.dense(), balanced.dense(), "\(layout)")
        }
    }

    @Test func toleranceIsMetWithTheSmallestBonds() throws {
        for (out, input) in Naive.factors where out.count > 1 {
            let layout = try MPOLayout(outFactors: out, inFactors: input)
            let matrix = Naive.matrix(layout, seed: 5)
            for tolerance in [0, 0.1, 0.4, 0.9, 2] {
                let result = try MPO.decompose(
                    matrix, outFactors: out, inFactors: input, relativeTolerance: tolerance)
                let distance = try result.mpo.distance(toDense: matrix)
                #expect(distance <= tolerance * Naive.norm(matrix) + 1e-12, "\(layout), \(tolerance)")
                if tolerance == 2 { #expect(result.mpo.layout.bonds.allSatisfy { $0 == 1 }) }
                if layout.cores == 2, result.mpo.layout.bonds[1] > 1 {
                    let smaller = try MPOLayout(outFactors: out, inFactors: input, bonds: [1, result.mpo.layout.bonds[1] - 1, 1])
                    #expect(
                        try MPO.decompose(matrix, layout: smaller).truncation.cutNorm > tolerance * Naive.norm(matrix),
                        "\(layout), \(tolerance): a smaller bond would do")
                }
            }
            let capped = try MPO.decompose(matrix, outFactors: out, inFactors: input, relativeTolerance: 0, cap: 2)
            #expect(capped.mpo.layout.bonds.allSatisfy { $0 <= 2 })
        }
    }

    @Test func singlePrecisionBoundHoldsWithEveryMethod() throws {
        for (out, input, cores) in [(24, 30, 2), (48, 36, 3), (60, 64, 4)] {
            for keep in [0.2, 0.6] {
                let layout = try MPOLayout.balanced(out: out, in: input, cores: cores, limit: .keep(keep))
                let matrix = Naive.matrix(layout, seed: 6).map { Float($0) }
                for method in [SVDMethod.automatic, .exact, .gram(SubspaceIteration()), .gram(SubspaceIteration(smallest: 1))] {
                    for gauge in Gauge.allCases {
                        let result = try MPO.decompose(matrix, layout: layout, gauge: gauge, method: method)
                        let distance = try result.mpo.distance(toDense: matrix)
                        #expect(distance <= result.truncation.bound, "\(layout) \(method) \(gauge)")
                        #expect(result.truncation.bound <= distance * 1.01, "\(layout) \(method) \(gauge)")
                    }
                }
            }
            let exact = try MPOLayout.balanced(out: out, in: input, cores: cores)
            let matrix = Naive.matrix(exact, seed: 7).map { Float($0) }
            for method in [SVDMethod.automatic, .gram(SubspaceIteration())] {
                let result = try MPO.decompose(matrix, layout: exact, method: method)
                let distance = try result.mpo.distance(toDense: matrix)
                #expect(distance <= result.truncation.bound && distance < 1e-5 * result.truncation.norm, "\(exact)")
            }
        }
    }

    @Test func degenerateMatrices() throws {
        let layout = try MPOLayout(outFactors: [3, 4, 2], inFactors: [2, 3, 5], limit: .bondDimension(4))
        for method in [SVDMethod.automatic, .exact, .gram(SubspaceIteration()), .gram(SubspaceIteration(oversampling: 1, smallest: 1))] {
            for gauge in Gauge.allCases {
                let zero = [Double](repeating: 0, count: layout.denseCount)
                let none = try MPO.decompose(zero, layout: layout, gauge: gauge, method: method)
                #expect(none.mpo.dense() == zero && none.truncation.relativeBound == 0, "\(method) \(gauge)")
                // Rank one at every cut, below the bonds: the surplus must not produce NaN.
                let ones = [Double](repeating: 1, count: layout.denseCount)
                let flat = try MPO.decompose(ones, layout: layout, gauge: gauge, method: method)
                expectClose(flat.mpo.dense(), ones, "\(method) \(gauge)", tolerance: 1e-10)
                #expect(flat.mpo.values.allSatisfy { $0.allSatisfy(\.isFinite) })
            }
        }
    }

    @Test func wrongInputsAreErrors() throws {
        let layout = try MPOLayout(outFactors: [2, 3], inFactors: [3, 2])
        var matrix = Naive.matrix(layout, seed: 8)
        #expect(throws: TensorTrainError.wrongCount(what: "matrix of 6 x 6", expected: 36, found: 35)) {
            try MPO.decompose(Array(matrix.dropLast()), layout: layout)
        }
        let wide = try MPOLayout(outFactors: [2, 3], inFactors: [3, 2], bonds: [1, 7, 1])
        #expect(throws: TensorTrainError.badBonds("bond 1 of \(wide) is 7, but after the bonds before it at most 6 are of use")) {
            try MPO.decompose(matrix, layout: wide)
        }
        matrix[17] = .nan
        let bad = LinearAlgebraError.notFinite(routine: "decomposition", rows: 6, columns: 6, row: 2, column: 5)
        #expect(throws: TensorTrainError.linearAlgebra(bad)) { try MPO.decompose(matrix, layout: layout) }
        for tolerance in [-1, .nan, .infinity] as [Double] {
            #expect(throws: TensorTrainError.self) {
                try MPO.decompose(
                    Naive.matrix(layout, seed: 1), outFactors: [2, 3], inFactors: [3, 2], relativeTolerance: tolerance)
            }
        }
    }
}

@Suite struct SubspaceIterationTests {
    /// U diag(s) V^T with orthonormal factors and a given spectrum.
    private func matrix(_ rows: Int, _ columns: Int, spectrum: (Int) -> Double) throws -> [Double] {
        let rank = min(rows, columns)
        let u = try LinearAlgebra.qr(Naive.random(rows * rank, seed: 1), rows: rows, columns: rank).left
        let v = try LinearAlgebra.lq(Naive.random(columns * rank, seed: 2), rows: rank, columns: columns).right
        var scaled = v
        scaleRows(&scaled, by: (0..<rank).map(spectrum), columns: columns)
        return LinearAlgebra.product(m: rows, n: columns, k: rank, u, scaled)
    }

    @Test func errorIsTrueAndNearTheBest() throws {
        let spectra: [(String, @Sendable (Int) -> Double)] = [
            ("flat", { _ in 1 }), ("slow", { 1 / Double($0 + 1).squareRoot() }), ("fast", { 1 / Double(($0 + 1) * ($0 + 1)) }),
            ("geometric", { pow2(-Double($0)) }), ("step", { $0 < 20 ? 100 : 1 }),
        ]
        for (name, spectrum) in spectra {
            for (rows, columns) in [(120, 150), (150, 110)] {
                let matrix = try matrix(rows, columns, spectrum: spectrum)
                for rank in [1, 20, 40] {
                    let best = Naive.norm((rank..<min(rows, columns)).map(spectrum))
                    let split = try MatrixSplit(
                        matrix, rows: rows, columns: columns, rule: .fixed(rank), method: .gram(SubspaceIteration(smallest: 1)),
                        eitherSide: true)
                    let product = LinearAlgebra.product(m: rows, n: columns, k: rank, split.left, split.right)
                    let distance = Naive.distance(product, matrix)
                    let what = "\(name) \(rows) x \(columns), rank \(rank)"
                    #expect(abs(split.error - distance) < 1e-8 * Naive.norm(matrix), "\(what)")
                    #expect(distance < best * 1.02 + 1e-10 * Naive.norm(matrix), "\(what): \(distance / best) of the best")
                    let isometry =
                        split.isometry == .left ? split.left : Naive.transposed(split.right, rows: rank, columns: columns)
                    expectIsometry(isometry, rows: split.isometry == .left ? rows : columns, columns: rank, what)
                }
            }
        }
    }

    /// In single precision, as models are decomposed: near the best, and never pretending to an error that squaring cannot see.
    @Test func singlePrecisionIsNearTheBest() throws {
        for (name, spectrum) in [
            ("slow", { 1 / Double($0 + 1).squareRoot() }), ("fast", { 1 / Double($0 + 1) }), ("geometric", { pow2(-Double($0)) }),
        ] as [(String, (Int) -> Double)] {
            for (rows, columns) in [(300, 340), (340, 300)] {
                let matrix = try matrix(rows, columns, spectrum: spectrum)
                for rank in [10, 90, 200] {
                    let best = Naive.norm((rank..<300).map(spectrum)), norm = Naive.norm(matrix)
                    let split = try MatrixSplit(
                        matrix.map { Float($0) }, rows: rows, columns: columns, rule: .fixed(rank), method: .automatic, eitherSide: true)
                    let product = LinearAlgebra.product(m: rows, n: columns, k: rank, split.left, split.right)
                    let distance = Naive.distance(product.map { Double($0) }, matrix)
                    let what = "\(name) \(rows) x \(columns), rank \(rank)"
                    #expect(distance < best * 1.01 + 3e-6 * norm, "\(what): \(distance / best) of the best")
                    #expect(abs(split.error - distance) < 0.001 * distance + 3e-6 * norm, "\(what)")
                }
            }
        }
    }

    @Test func allEigenvectorsWhereItDoesNotSettle() throws {
        let matrix = try matrix(80, 90) { 1 / Double($0 + 1).squareRoot() }
        let gram = GramMatrix(of: matrix, rows: 80, columns: 90, ofRows: true)
        let impatient = SubspaceIteration(oversampling: 1, maximumRounds: 1, tolerance: 0, smallest: 1)
        #expect(try gram.eigenvectors(rank: 10, by: impatient) == nil)
        let split = try MatrixSplit(matrix, rows: 80, columns: 90, rule: .fixed(10), method: .gram(impatient))
        let exact = try MatrixSplit(matrix, rows: 80, columns: 90, rule: .fixed(10), method: .exact)
        #expect(abs(split.error - exact.error) < 1e-9)
    }

    @Test func gramMatricesOfBothSides() throws {
        let matrix = Naive.random(70 * 600, seed: 3)
        for (rows, columns) in [(70, 600), (600, 70)] {
            let transposed = Naive.transposed(matrix, rows: rows, columns: columns)
            for ofRows in [true, false] {
                let n = ofRows ? rows : columns, k = ofRows ? columns : rows
                let gram = GramMatrix(of: matrix, rows: rows, columns: columns, ofRows: ofRows)
                expectClose(
                    gram.values, Naive.product(ofRows ? matrix : transposed, ofRows ? transposed : matrix, m: n, n: n, k: k), "\(rows) x \(columns)")
            }
        }
    }

    @Test func seedsDecideTheBits() throws {
        let matrix = try matrix(60, 70) { 1 / Double($0 + 1) }
        func left(_ seed: UInt64) throws -> [Double] {
            try MatrixSplit(
                matrix, rows: 60, columns: 70, rule: .fixed(8), method: .gram(SubspaceIteration(seed: seed, smallest: 1))
            ).left
        }
        #expect(try left(1) == left(1))
        #expect(try left(1) != left(2))
    }

    @Test func normalsLookNormal() {
        var generator = SplitMix64(seed: 5)
        var (sum, squares, fourth) = (0.0, 0.0, 0.0)
        let count = 40000
        for _ in 0..<count / 2 {
            let (a, b) = generator.nextNormals()
            for x in [a, b] {
                sum += x
                squares += x * x
                fourth += x * x * x * x
            }
        }
        #expect(abs(sum / Double(count)) < 0.02)
        #expect(abs(squares / Double(count) - 1) < 0.03)
        #expect(abs(fourth / Double(count) - 3) < 0.2)
    }
}

private func pow2(_ x: Double) -> Double { Double(sign: .plus, exponent: Int(x), significand: 1) }
