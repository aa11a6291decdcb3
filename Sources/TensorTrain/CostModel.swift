/// Turns a ``ContractionCost`` into seconds. A product of [m, k] and [k, n] takes
///
///     call + operation · 2mnk + input · (mk + kn) + output · mn
///
/// and every element that is moved outside products takes `moved`. The sides of a product cost beside its operations: they are
/// laid out for the kernel, read and written. That is what makes thin products slow.
///
/// Plans are chosen with the model's own numbers, which never change, because the plan decides the order of sums: the same run
/// takes the same way on every machine and every day. What a run will take is told with numbers fitted where it runs.
package struct CostModel: Codable, Equatable, Sendable {
    /// Seconds of one product, whatever its size.
    package var call: Double
    /// Seconds of one floating-point operation; a multiplication and an addition are two.
    package var operation: Double
    /// Seconds of an element of the factors.
    package var input: Double
    /// Seconds of an element of the product.
    package var output: Double
    /// Seconds of an element read or written where axes are reordered.
    package var moved: Double

    /// The defaults are of two threads of a processor with AVX-512, in single precision.
    package init(
        call: Double = 5e-6, operation: Double = 6e-12, input: Double = 0.15e-9, output: Double = 0.4e-9, moved: Double = 0.25e-9
    ) {
        self.call = call
        self.operation = operation
        self.input = input
        self.output = output
        self.moved = moved
    }

    package func seconds(_ cost: ContractionCost) -> Double {
        cost.products.reduce(cost.movedElements * moved) { $0 + $1.weight * seconds($1.shape) }
    }

    package func seconds(_ shape: GEMMShape) -> Double {
        zip(Self.terms(shape), [call, operation, input, output]).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private static func terms(_ shape: GEMMShape) -> [Double] {
        let (m, n, k, count) = (Double(shape.m), Double(shape.n), Double(shape.k), Double(shape.count))
        return [count, shape.flops, count * (m * k + k * n), count * m * n]
    }

    /// The model nearest to measured times: least squares of the relative errors, none of the numbers negative.
    ///
    /// - Parameters:
    ///   - products: shapes and their seconds; at least four that differ in kind.
    ///   - moved: seconds of an element moved.
    package static func fitted(to products: [(shape: GEMMShape, seconds: Double)], moved: Double) -> CostModel {
        let rows = products.map { product in terms(product.shape).map { $0 / product.seconds } }
        var best = (error: Double.infinity, numbers: [0.0, 0, 0, 0])
        // Four numbers: the best non-negative ones are the least squares of one of the fifteen choices of which are not zero.
        for choice in 1..<16 {
            let columns = (0..<4).filter { choice >> $0 & 1 == 1 }
            guard let solution = leastSquares(rows.map { row in columns.map { row[$0] } }), solution.allSatisfy({ $0 >= 0 }) else { continue }
            let error = rows.reduce(0.0) { sum, row in
                let difference = zip(columns, solution).reduce(-1) { $0 + row[$1.0] * $1.1 }
                return sum + difference * difference
            }
            if error < best.error {
                var numbers = [0.0, 0, 0, 0]
                for (column, value) in zip(columns, solution) { numbers[column] = value }
                best = (error, numbers)
            }
        }
        let n = best.numbers
        return CostModel(call: n[0], operation: n[1], input: n[2], output: n[3], moved: moved)
    }

    /// z that makes the rows times z nearest to 1; nil where the columns depend on each other. Columns are scaled to equal length first.
    private static func leastSquares(_ rows: [[Double]]) -> [Double]? {
        let n = rows.first?.count ?? 0
        func column(_ c: Int) -> [Double] { rows.map { $0[c] } }
        func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        let scale = (0..<n).map { dot(column($0), column($0)).squareRoot() }
        guard scale.allSatisfy({ $0 > 0 }) else { return nil }
        var a = [[Double]](repeating: [Double](repeating: 0, count: n + 1), count: n)
        for i in 0..<n {
            for j in 0..<n { a[i][j] = dot(column(i), column(j)) / (scale[i] * scale[j]) }
            a[i][n] = column(i).reduce(0, +) / scale[i]
        }
        for pivot in 0..<n {
            guard a[pivot][pivot] > 1e-12 else { return nil }
            for i in 0..<n where i != pivot {
                let factor = a[i][pivot] / a[pivot][pivot]
                for j in pivot...n { a[i][j] -= factor * a[pivot][j] }
            }
        }
        return (0..<n).map { a[$0][n] / a[$0][$0] / scale[$0] }
    }
}
