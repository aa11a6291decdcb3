import Testing

/// Small matrices from a seed, and naive products to compare with.
enum Sample {
    static func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> [Double] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(rows * 1000 + columns)
        return (0..<rows * columns).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Int64(bitPattern: state) >> 11) / Double(1 << 52)
        }
    }

    static func stored(
        _ a: [Double], rows: Int, columns: Int, transposed: Bool, padding: Int
    ) -> ([Double], Int) {
        let source = transposed ? self.transposed(a, rows: rows, columns: columns) : a
        let width = transposed ? rows : columns
        let stride = width + padding
        var stored = [Double](repeating: .nan, count: (transposed ? columns : rows) * stride)
        for index in source.indices { stored[index / width * stride + index % width] = source[index] }
        return (stored, stride)
    }

    static func product(_ a: [Double], _ b: [Double], m: Int, n: Int, k: Int) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        for row in 0..<m {
            for column in 0..<n {
                for inner in 0..<k { c[row * n + column] += a[row * k + inner] * b[inner * n + column] }
            }
        }
        return c
    }

    static func transposed(_ a: [Double], rows: Int, columns: Int) -> [Double] {
        (0..<rows * columns).map { a[$0 % rows * columns + $0 / rows] }
    }

    static func gramOfColumns(_ a: [Double], rows: Int, columns: Int) -> [Double] {
        product(transposed(a, rows: rows, columns: columns), a, m: columns, n: columns, k: rows)
    }

    static func identity(_ n: Int) -> [Double] { (0..<n * n).map { $0 % (n + 1) == 0 ? 1 : 0 } }
}

func expectEqual(
    _ a: [Double], _ b: [Double], _ what: String, tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(a.count == b.count, "\(what)", sourceLocation: sourceLocation)
    let distance = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(distance < tolerance, "\(what): off by \(distance)", sourceLocation: sourceLocation)
}
