import Testing

@testable import Kernels

/// Shapes with 1, primes, tall, wide and square ones.
private let shapes = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (13, 4), (4, 13), (31, 17), (24, 40), (64, 64)]

@Suite struct FactorisationTests {
    @Test func gemmMatchesTheNaiveSum() {
        for (m, n) in shapes {
            for k in [1, 3, 8] {
                for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
                    let a = Sample.matrix(m, k, seed: 1)
                    let b = Sample.matrix(k, n, seed: 2)
                    // Leading dimensions larger than the rows: the padding must be neither read nor written.
                    let (storedA, lda) = Sample.stored(a, rows: m, columns: k, transposed: transposeA, padding: 3)
                    let (storedB, ldb) = Sample.stored(b, rows: k, columns: n, transposed: transposeB, padding: 2)
                    let ldc = n + 1
                    var c = [Double](repeating: 5, count: m * ldc)
                    LinearAlgebra.gemm(
                        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: 2, storedA, lda: lda,
                        storedB, ldb: ldb, beta: -1, &c, ldc: ldc)
                    let expected = Sample.product(a, b, m: m, n: n, k: k)
                    for row in 0..<m {
                        for column in 0..<n {
                            let difference = c[row * ldc + column] - (2 * expected[row * n + column] - 5)
                            #expect(abs(difference) < 1e-13, "\(m) x \(n) over \(k), \(transposeA) \(transposeB)")
                        }
                        #expect(c[row * ldc + n] == 5, "padding was written")
                    }
                }
            }
        }
    }

    @Test(arguments: SVDDriver.allCases)
    func svdGivesTheMatrixBack(driver: SVDDriver) throws {
        for (m, n) in shapes {
            let a = Sample.matrix(m, n, seed: 3)
            let svd = try LinearAlgebra.svd(a, rows: m, columns: n, driver: driver)
            let q = min(m, n)
            #expect(svd.singularValues.count == q && svd.u.count == m * q && svd.vTransposed.count == q * n)
            #expect(zip(svd.singularValues, svd.singularValues.dropFirst()).allSatisfy { $0 >= $1 })
            var scaled = svd.u
            for index in scaled.indices { scaled[index] *= svd.singularValues[index % q] }
            expectEqual(Sample.product(scaled, svd.vTransposed, m: m, n: n, k: q), a, "\(driver) \(m) x \(n)")
            expectEqual(Sample.gramOfColumns(svd.u, rows: m, columns: q), Sample.identity(q), "U \(m) x \(n)")
            expectEqual(
                Sample.gramOfColumns(Sample.transposed(svd.vTransposed, rows: q, columns: n), rows: n, columns: q),
                Sample.identity(q), "V \(m) x \(n)")
        }
    }

    @Test func svdOfAKnownMatrix() throws {
        // [[3, 0], [4, 5]] has singular values sqrt(45) and sqrt(5).
        let svd = try LinearAlgebra.svd([3, 0, 4, 5] as [Float], rows: 2, columns: 2)
        #expect(abs(svd.singularValues[0] - Float(45).squareRoot()) < 1e-6)
        #expect(abs(svd.singularValues[1] - Float(5).squareRoot()) < 1e-6)
    }

    @Test func qrAndLQ() throws {
        for (m, n) in shapes {
            let a = Sample.matrix(m, n, seed: 4)
            let q = min(m, n)
            let qr = try LinearAlgebra.qr(a, rows: m, columns: n)
            expectEqual(Sample.product(qr.left, qr.right, m: m, n: n, k: q), a, "QR \(m) x \(n)")
            expectEqual(Sample.gramOfColumns(qr.left, rows: m, columns: q), Sample.identity(q), "Q of QR \(m) x \(n)")
            for row in 0..<q { for column in 0..<min(row, n) { #expect(qr.right[row * n + column] == 0) } }
            let lq = try LinearAlgebra.lq(a, rows: m, columns: n)
            expectEqual(Sample.product(lq.left, lq.right, m: m, n: n, k: q), a, "LQ \(m) x \(n)")
            expectEqual(
                Sample.gramOfColumns(Sample.transposed(lq.right, rows: q, columns: n), rows: n, columns: q),
                Sample.identity(q), "Q of LQ \(m) x \(n)")
            for row in 0..<m { for column in min(row + 1, q)..<q { #expect(lq.left[row * q + column] == 0) } }
        }
    }

    @Test func choleskySolvesBothWays() throws {
        for n in [1, 2, 5, 17, 40] {
            let root = Sample.matrix(n + 3, n, seed: 5)
            let a = Sample.gramOfColumns(root, rows: n + 3, columns: n)
            let cholesky = try Cholesky(a, order: n)
            let l = cholesky.lower
            expectEqual(
                Sample.product(l, Sample.transposed(l, rows: n, columns: n), m: n, n: n, k: n), a, "L L^T of order \(n)")
            let b = Sample.matrix(n, 3, seed: 6)
            let x = cholesky.solve(columns: b, count: 3)
            expectEqual(Sample.product(a, x, m: n, n: 3, k: n), b, "A X = B of order \(n)", tolerance: 1e-8)
            let c = Sample.matrix(3, n, seed: 7)
            let y = try cholesky.solve(rows: c, count: 3)
            expectEqual(Sample.product(y, a, m: 3, n: n, k: n), c, "X A = B of order \(n)", tolerance: 1e-8)
        }
    }

    @Test func columnsInterpolateOneAnother() throws {
        for (m, n) in shapes where m <= n {
            let a = Sample.matrix(m, n, seed: 14)
            let found = try LinearAlgebra.interpolation(a, rows: m, columns: n)
            #expect(found.pivots.count == m && found.coefficients.count == m * (n - m) && found.pivots == found.pivots.sorted())
            let rest = (0..<n).filter { !found.pivots.contains($0) }
            func columns(_ chosen: [Int]) -> [Double] { (0..<m).flatMap { row in chosen.map { a[row * n + $0] } } }
            expectEqual(Sample.product(columns(found.pivots), found.coefficients, m: m, n: n - m, k: m), columns(rest), "\(m) x \(n)")
            let single = try LinearAlgebra.interpolation(a.map { Float($0) }, rows: m, columns: n)
            #expect(single.pivots == found.pivots)
        }
        // Rank 1: the first pivot says everything.
        let low = try LinearAlgebra.interpolation([2, 4, 6, 1, 2, 3] as [Double], rows: 2, columns: 3)
        #expect(low.pivots.contains(2))
        #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.interpolation([1, .nan] as [Double], rows: 1, columns: 2) }
    }

    @Test func conditionOfADiagonal() throws {
        let rcond = try Cholesky([4, 0, 0, 0, 2, 0, 0, 0, 1e-3] as [Double], order: 3).reciprocalCondition()
        #expect(abs(rcond - 1e-3 / 4) < 1e-12)
    }

    @Test func eigenvectorsAreRows() throws {
        for n in [1, 2, 7, 33] {
            var a = Sample.matrix(n, n, seed: 8)
            let t = Sample.transposed(a, rows: n, columns: n)
            for index in a.indices { a[index] += t[index] }
            let eigen = try LinearAlgebra.symmetricEigen(a, order: n)
            #expect(zip(eigen.values, eigen.values.dropFirst()).allSatisfy { $0 <= $1 })
            // v_k A = values[k] v_k, with orthonormal rows.
            var scaled = eigen.vectors
            for index in scaled.indices { scaled[index] *= eigen.values[index / n] }
            expectEqual(Sample.product(eigen.vectors, a, m: n, n: n, k: n), scaled, "order \(n)")
            expectEqual(
                Sample.gramOfColumns(Sample.transposed(eigen.vectors, rows: n, columns: n), rows: n, columns: n),
                Sample.identity(n), "order \(n)")
            // The largest ones alone are the last of all, up to their signs.
            let largest = try LinearAlgebra.symmetricEigen(a, order: n, largest: n / 2)
            expectEqual(largest.values, Array(eigen.values.suffix(n / 2)), "order \(n), largest")
            let images = Sample.product(largest.vectors, a, m: n / 2, n: n, k: n)
            expectEqual(images, largest.vectors.indices.map { largest.vectors[$0] * largest.values[$0 / n] }, "order \(n), largest")
        }
    }

    @Test func singlePrecisionAgrees() throws {
        for (m, n) in shapes {
            let a = Sample.matrix(m, n, seed: 9)
            let wide = try LinearAlgebra.svd(a, rows: m, columns: n).singularValues
            let narrow = try LinearAlgebra.svd(a.map { Float($0) }, rows: m, columns: n).singularValues
            for (x, y) in zip(wide, narrow) { #expect(abs(x - Double(y)) < 1e-5 * wide[0], "\(m) x \(n)") }
        }
    }
}

@Suite struct FactorisationErrorTests {
    @Test func notFiniteIsAnErrorThatNamesThePlace() throws {
        for bad in [Double.nan, .infinity, -.infinity] {
            var a = Sample.matrix(30, 20, seed: 1)
            a[7 * 20 + 3] = bad
            let expected = { (routine: String) in
                LinearAlgebraError.notFinite(routine: routine, rows: 30, columns: 20, row: 7, column: 3)
            }
            #expect(throws: expected("dgesdd")) { try LinearAlgebra.svd(a, rows: 30, columns: 20) }
            #expect(throws: expected("dgelqf")) { try LinearAlgebra.qr(a, rows: 30, columns: 20) }
            #expect(throws: expected("dgeqrf")) { try LinearAlgebra.lq(a, rows: 30, columns: 20) }
        }
        #expect(throws: LinearAlgebraError.notFinite(routine: "spotrf", rows: 1, columns: 1, row: 0, column: 0)) {
            try Cholesky([Float.nan], order: 1)
        }
        #expect(throws: LinearAlgebraError.notFinite(routine: "ssyevd", rows: 1, columns: 1, row: 0, column: 0)) {
            try LinearAlgebra.symmetricEigen([Float.infinity], order: 1)
        }
    }

    @Test func indefiniteNamesTheMinor() {
        #expect(throws: LinearAlgebraError.notPositiveDefinite(routine: "dpotrf", order: 3, leadingMinor: 2)) {
            try Cholesky([1, 0, 0, 0, -1, 0, 0, 0, 1] as [Double], order: 3)
        }
    }

    @Test func theGateTellsDefectsFromFailures() throws {
        let failure = LinearAlgebraError.notConverged(routine: "x", rows: 2, columns: 3, info: 4)
        try LinearAlgebra.check(0, routine: "x", rows: 2, columns: 3) { _ in failure }
        #expect(throws: failure) { try LinearAlgebra.check(4, routine: "x", rows: 2, columns: 3) { _ in failure } }
        #expect(throws: LinearAlgebraError.illegalArgument(routine: "x", rows: 2, columns: 3, argument: 5)) {
            try LinearAlgebra.check(-5, routine: "x", rows: 2, columns: 3) { _ in failure }
        }
    }

    @Test func emptyMatrices() throws {
        #expect(try LinearAlgebra.svd([Double](), rows: 0, columns: 4).singularValues.isEmpty)
        #expect(try LinearAlgebra.qr([Double](), rows: 3, columns: 0).rank == 0)
        #expect(LinearAlgebra.product(m: 2, n: 2, k: 0, [Double](), []) == [0, 0, 0, 0])
    }

    @Test func sameBitsAnywhereInMemory() throws {
        // The same matrix at differently aligned addresses and from several threads must give the same bits.
        let a = Sample.matrix(90, 70, seed: 2).map { Float($0) }
        let reference = try LinearAlgebra.svd(a, rows: 90, columns: 70)
        for _ in 0..<4 {
            let again = try LinearAlgebra.svd(Array(a), rows: 90, columns: 70)
            #expect(again.u == reference.u && again.vTransposed == reference.vTransposed)
        }
        for offset in 0..<9 {
            var c = [Float](repeating: 0, count: 90 * 90 + offset)
            let shifted = [Float](repeating: 0, count: offset) + a
            c.withUnsafeMutableBufferPointer { c in
                shifted.withUnsafeBufferPointer { a in
                    LinearAlgebra.gemm(
                        transposeB: true, m: 90, n: 90, k: 70, a.baseAddress! + offset, a.baseAddress! + offset,
                        c.baseAddress! + offset)
                }
            }
            #expect(Array(c.dropFirst(offset)) == LinearAlgebra.product(transposeB: true, m: 90, n: 90, k: 70, a, a))
        }
    }
}
