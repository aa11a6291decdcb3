import Testing

@testable import TensorTrain

/// Every operation against the dense matrix that the definition gives.
@Suite struct MPOAlgebraTests {
    @Test func denseIsTheDefinition() {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 1)
            expectClose(mpo.dense(), Naive.dense(mpo), "\(layout)")
        }
    }

    @Test func everyCutRebuildsTheSame() {
        for layout in Naive.layouts where layout.cores > 1 {
            let mpo = Naive.operatorOf(layout, seed: 2)
            for cut in 1..<layout.cores {
                let sides = mpo.sides(cut: cut)
                let bond = layout.bonds[cut]
                let (left, right) = (sides.lefts.last!, sides.rights.last!)
                let whole = Naive.product(left, right, m: left.count / bond, n: right.count / bond, k: bond)
                expectClose(layout.coresToMatrix(whole), Naive.dense(mpo), "\(layout), cut \(cut)")
            }
        }
    }

    @Test func transposeSumScaleInnerNorm() throws {
        for layout in Naive.layouts {
            let a = Naive.operatorOf(layout, seed: 3)
            let wider = layout.bonds.enumerated().map {
                $0.offset == 0 || $0.offset == layout.cores ? 1 : $0.element + 2
            }
            let b = Naive.operatorOf(
                try MPOLayout(outFactors: layout.outFactors, inFactors: layout.inFactors, bonds: wider), seed: 4)
            let (denseA, denseB) = (Naive.dense(a), Naive.dense(b))
            expectClose(
                a.transposed().dense(), Naive.transposed(denseA, rows: layout.rows, columns: layout.columns),
                "transpose of \(layout)")
            expectClose(try a.adding(b).dense(), zip(denseA, denseB).map { $0 + $1 }, "sum of \(layout)")
            expectClose(try a.subtracting(b).dense(), zip(denseA, denseB).map { $0 - $1 }, "difference of \(layout)")
            expectClose(a.scaled(by: -2.5).dense(), denseA.map { -2.5 * $0 }, "multiple of \(layout)")
            expectClose([try a.inner(b)], [Naive.dot(denseA, denseB)], "inner product of \(layout)")
            expectClose([try a.norm()], [Naive.norm(denseA)], "norm of \(layout)")
            expectClose([try a.distance(toDense: denseB)], [Naive.distance(denseA, denseB)], "distance of \(layout)")
        }
    }

    @Test func normOfANearlyZeroDifferenceKeepsItsDigits() throws {
        let layout = try MPOLayout(outFactors: [3, 4, 2], inFactors: [2, 3, 5], limit: .bondDimension(4))
        let a = Naive.operatorOf(layout, seed: 5)
        let tiny = Naive.operatorOf(layout, seed: 6).scaled(by: 1e-9)
        let difference = try a.adding(tiny).subtracting(a).norm()
        #expect(abs(difference / (try tiny.norm()) - 1) < 1e-5)
    }

    @Test func differentFactorsDoNotMix() throws {
        let a = Naive.operatorOf(try MPOLayout(outFactors: [2, 3], inFactors: [3, 2]), seed: 1)
        let b = Naive.operatorOf(try MPOLayout(outFactors: [3, 2], inFactors: [3, 2]), seed: 1)
        #expect(throws: TensorTrainError.self) { try a.adding(b) }
        #expect(throws: TensorTrainError.self) { try a.inner(b) }
        #expect(throws: TensorTrainError.wrongCount(what: "dense matrix of \(a.layout)", expected: 36, found: 35)) {
            try a.distance(toDense: [Double](repeating: 0, count: 35))
        }
        #expect(throws: TensorTrainError.self) { try MPO(layout: a.layout, values: [[1.0]]) }
        #expect(throws: TensorTrainError.self) { try MPO(layout: a.layout, values: [[1.0], [2.0]]) }
    }

    @Test func canonicalFormsAreIsometricAndEqual() throws {
        for layout in Naive.layouts {
            let mpo = Naive.operatorOf(layout, seed: 7)
            let dense = Naive.dense(mpo)
            for center in 0..<layout.cores {
                let canonical = try mpo.canonical(center: center)
                expectClose(canonical.dense(), dense, "\(layout), centre \(center)")
                for (index, core) in canonical.cores.enumerated() {
                    if index < center {
                        expectIsometry(core.values, rows: core.leftRows, columns: core.right, "\(layout), core \(index)")
                    } else if index > center {
                        expectIsometry(
                            Naive.transposed(core.values, rows: core.left, columns: core.rightColumns),
                            rows: core.rightColumns, columns: core.left, "\(layout), core \(index)")
                    } else {
                        #expect(abs(Naive.norm(core.values) - Naive.norm(dense)) < 1e-12 * max(1, Naive.norm(dense)))
                    }
                }
            }
            #expect(throws: TensorTrainError.self) { try mpo.canonical(center: layout.cores) }
            #expect(throws: TensorTrainError.self) { try mpo.canonical(center: -1) }
        }
    }

    @Test func balancedGaugeHasTheSameGramOnBothSides() throws {
        for layout in Naive.layouts where layout.cores > 1 {
            let mpo = try Naive.operatorOf(layout, seed: 8).regauged(.balanced)
            expectClose(mpo.dense(), Naive.dense(Naive.operatorOf(layout, seed: 8)), "\(layout)")
            for bond in 1..<layout.cores {
                let sides = mpo.sides(cut: bond)
                let width = mpo.layout.bonds[bond]
                let left = sides.lefts.last!
                let right = Naive.transposed(sides.rights.last!, rows: width, columns: sides.rights.last!.count / width)
                let grams = [left, right].map { side in
                    Naive.product(
                        Naive.transposed(side, rows: side.count / width, columns: width), side, m: width, n: width,
                        k: side.count / width)
                }
                expectClose(grams[0], grams[1], "\(layout), bond \(bond)", tolerance: 1e-10)
                for index in grams[0].indices where index % (width + 1) != 0 {
                    #expect(abs(grams[0][index]) < 1e-10 * Naive.norm(grams[0]), "\(layout): not diagonal")
                }
            }
        }
    }

    @Test func precisionsConvert() throws {
        let mpo = Naive.operatorOf(try MPOLayout(outFactors: [2, 3], inFactors: [3, 2]), seed: 9)
        let narrow = mpo.converted(to: Float.self)
        #expect(narrow.values == mpo.values.map { $0.map { Float($0) } })
        #expect(narrow.converted(to: Double.self).values == narrow.values.map { $0.map { Double($0) } })
    }
}

func expectIsometry(_ a: [Double], rows: Int, columns: Int, _ what: String) {
    let gram = Naive.product(Naive.transposed(a, rows: rows, columns: columns), a, m: columns, n: columns, k: rows)
    expectClose(gram, (0..<columns * columns).map { $0 % (columns + 1) == 0 ? 1 : 0 }, "isometry: \(what)")
}
