/// Reorders the axes of a row-major array, one pass over memory.
///
/// Neighbouring axes that stay neighbours are merged first. What remains is copied in runs where source and result
/// share their innermost axis, else in square tiles, so that neither side is walked with large strides only.
package struct AxisPermutation: Sendable, Equatable {
    /// Elements in all.
    package let count: Int
    /// How many independent pieces the work can be cut into; see ``apply(from:to:pieces:)``.
    package let pieces: Int

    /// Result axes that are looped over outside, outermost first.
    private let outer: [Axis]
    /// The result axis that is contiguous in the source, when that is not `last`.
    private let turned: Axis?
    /// The result's innermost axis.
    private let last: Axis

    private struct Axis: Equatable {
        var size: Int
        var source: Int
        var result: Int
    }

    /// - Parameters:
    ///   - shape: of the source.
    ///   - order: for each axis of the result, which axis of the source it is.
    package init(shape: [Int], order: [Int]) {
        precondition(order.sorted() == Array(shape.indices), "\(order) does not permute the axes of \(shape)")
        count = shape.reduce(1, *)
        var strides = shape
        var stride = 1
        for axis in shape.indices.reversed() {
            strides[axis] = stride
            stride *= shape[axis]
        }
        var axes: [Axis] = []
        for axis in order where shape[axis] != 1 {
            if let previous = axes.last, previous.source == shape[axis] * strides[axis] {
                axes[axes.count - 1].size *= shape[axis]
                axes[axes.count - 1].source = strides[axis]
            } else {
                axes.append(Axis(size: shape[axis], source: strides[axis], result: 0))
            }
        }
        stride = 1
        for axis in axes.indices.reversed() {
            axes[axis].result = stride
            stride *= axes[axis].size
        }
        last = axes.popLast() ?? Axis(size: 1, source: 1, result: 1)
        if last.source != 1, let index = axes.firstIndex(where: { $0.source == 1 }) {
            turned = axes.remove(at: index)
        } else {
            turned = nil
        }
        outer = axes
        pieces = count == 0 ? 0 : axes.reduce(1) { $0 * $1.size }
    }

    /// Writes the reordered array to `result`; the two must not overlap.
    ///
    /// - Parameter pieces: a part of `0..<pieces`, so that several threads can share one array. Every piece writes its
    ///   own elements, so any split gives the same result.
    package func apply<Element: BitwiseCopyable>(
        from source: UnsafePointer<Element>, to result: UnsafeMutablePointer<Element>, pieces part: Range<Int>? = nil
    ) {
        let part = part ?? 0..<pieces
        precondition(part.lowerBound >= 0 && part.upperBound <= pieces, "pieces \(part) of \(pieces)")
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(result)
        // Elements are moved as plain words, so each width is compiled once whatever the type.
        switch MemoryLayout<Element>.stride {
        case 2: move(from.assumingMemoryBound(to: UInt16.self), to.assumingMemoryBound(to: UInt16.self), part)
        case 4: move(from.assumingMemoryBound(to: UInt32.self), to.assumingMemoryBound(to: UInt32.self), part)
        case 8: move(from.assumingMemoryBound(to: UInt64.self), to.assumingMemoryBound(to: UInt64.self), part)
        default: preconditionFailure("elements of \(MemoryLayout<Element>.stride) bytes")
        }
    }

    /// The reordered array.
    package func callAsFunction<Element: BitwiseCopyable>(_ values: [Element]) -> [Element] {
        precondition(values.count == count, "\(values.count) values for a permutation of \(count)")
        return [Element](unsafeUninitializedCapacity: count) { room, initialized in
            values.withUnsafeBufferPointer { values in
                if let source = values.baseAddress, let result = room.baseAddress { apply(from: source, to: result) }
            }
            initialized = count
        }
    }

    @inline(__always)
    private func move<Word: FixedWidthInteger>(
        _ source: UnsafePointer<Word>, _ result: UnsafeMutablePointer<Word>, _ part: Range<Int>
    ) {
        if part.isEmpty { return }
        var position = [Int](repeating: 0, count: outer.count)
        var rest = part.lowerBound
        for axis in outer.indices.reversed() {
            position[axis] = rest % outer[axis].size
            rest /= outer[axis].size
        }
        var from = 0
        var to = 0
        for axis in outer.indices {
            from += position[axis] * outer[axis].source
            to += position[axis] * outer[axis].result
        }
        for _ in part {
            if let turned {
                Self.turn(source + from, result + to, turned, last)
            } else if last.source == 1 {
                (result + to).update(from: source + from, count: last.size)
            } else {
                for index in 0..<last.size { result[to + index] = source[from + index * last.source] }
            }
            var axis = outer.count - 1
            while axis >= 0 {
                position[axis] += 1
                from += outer[axis].source
                to += outer[axis].result
                if position[axis] < outer[axis].size { break }
                position[axis] = 0
                from -= outer[axis].size * outer[axis].source
                to -= outer[axis].size * outer[axis].result
                axis -= 1
            }
        }
    }

    /// A transpose: `rows` is contiguous in the source, `columns` in the result.
    @inline(__always)
    private static func turn<Word: FixedWidthInteger>(
        _ source: UnsafePointer<Word>, _ result: UnsafeMutablePointer<Word>, _ rows: Axis, _ columns: Axis
    ) {
        let tile = 16
        var row = 0
        while row < rows.size {
            let rowEnd = min(row + tile, rows.size)
            var column = 0
            while column < columns.size {
                let columnEnd = min(column + tile, columns.size)
                for r in row..<rowEnd {
                    let from = source + r
                    let to = result + r * rows.result
                    for c in column..<columnEnd { to[c] = from[c * columns.source] }
                }
                column = columnEnd
            }
            row = rowEnd
        }
    }
}

extension MPOLayout {
    /// From the dense matrix [(o1..oN), (i1..iN)] to the order of the cores, [o1, i1, o2, i2, .., oN, iN].
    package var matrixToCores: AxisPermutation {
        AxisPermutation(
            shape: outFactors + inFactors, order: (0..<cores).flatMap { [$0, $0 + cores] })
    }

    /// From the order of the cores, [o1, i1, o2, i2, .., oN, iN], to the dense matrix [(o1..oN), (i1..iN)].
    package var coresToMatrix: AxisPermutation {
        AxisPermutation(
            shape: (0..<cores).flatMap { [outFactors[$0], inFactors[$0]] },
            order: (0..<cores).map { 2 * $0 } + (0..<cores).map { 2 * $0 + 1 })
    }
}
