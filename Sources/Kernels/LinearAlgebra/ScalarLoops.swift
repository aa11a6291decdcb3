/// Element-wise loops, written once and inlined into each precision's conformance, where they vectorise.
enum ScalarLoops {
    /// Zero times a number is zero unless the number is NaN or infinite: one vectorised pass decides, and only a
    /// matrix that fails it is searched.
    @inline(__always)
    static func firstNotFinite<S: BinaryFloatingPoint & SIMDScalar>(_ values: [S]) -> Int? {
        let clean = values.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return true }
            var lanes = SIMD16<S>.zero
            var index = 0
            while index + 16 <= all.count {
                lanes += UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<S>.self) * 0
                index += 16
            }
            var sum = lanes.sum()
            while index < all.count {
                sum += base[index] * 0
                index += 1
            }
            return sum == 0
        }
        return clean ? nil : values.firstIndex { !$0.isFinite }
    }

    /// Eight running sums in double precision, added in a fixed order.
    @inline(__always)
    static func sumOfSquares<S: BinaryFloatingPoint & SIMDScalar>(_ values: UnsafeBufferPointer<S>) -> Double {
        guard let base = values.baseAddress else { return 0 }
        var lanes = SIMD8<Double>.zero
        var index = 0
        while index + 8 <= values.count {
            let group = UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<S>.self)
            var wide = SIMD8<Double>.zero
            for lane in 0..<8 { wide[lane] = Double(group[lane]) }
            lanes += wide * wide
            index += 8
        }
        var sum = lanes.sum()
        while index < values.count {
            let value = Double(base[index])
            sum += value * value
            index += 1
        }
        return sum
    }

    /// Eight running sums in double precision, added in a fixed order.
    @inline(__always)
    static func dot<S: BinaryFloatingPoint & SIMDScalar>(_ x: UnsafePointer<S>, _ y: UnsafePointer<S>, count: Int) -> Double {
        var lanes = SIMD8<Double>.zero
        var index = 0
        while index + 8 <= count {
            let left = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<S>.self)
            let right = UnsafeRawPointer(y + index).loadUnaligned(as: SIMD8<S>.self)
            var a = SIMD8<Double>.zero
            var b = SIMD8<Double>.zero
            for lane in 0..<8 {
                a[lane] = Double(left[lane])
                b[lane] = Double(right[lane])
            }
            lanes += a * b
            index += 8
        }
        var sum = lanes.sum()
        while index < count {
            sum += Double(x[index]) * Double(y[index])
            index += 1
        }
        return sum
    }

    @inline(__always)
    static func scale<S: BinaryFloatingPoint>(_ values: UnsafeMutableBufferPointer<S>, by factor: S) {
        for index in 0..<values.count { values[index] *= factor }
    }

    @inline(__always)
    static func add<S: BinaryFloatingPoint>(
        _ x: UnsafePointer<S>, scaledBy factor: S, to y: UnsafeMutablePointer<S>, count: Int
    ) {
        for index in 0..<count { y[index] += factor * x[index] }
    }

    @inline(__always)
    static func multiply<S: BinaryFloatingPoint>(
        _ x: UnsafeMutablePointer<S>, by factors: UnsafePointer<S>, count: Int
    ) {
        for index in 0..<count { x[index] *= factors[index] }
    }

    @inline(__always)
    static func convert<From: BinaryFloatingPoint, To: BinaryFloatingPoint>(
        _ x: UnsafePointer<From>, to y: UnsafeMutablePointer<To>, count: Int
    ) {
        for index in 0..<count { y[index] = To(x[index]) }
    }
}
