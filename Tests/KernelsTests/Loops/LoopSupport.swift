import CShims
import Testing

/// One compiled form of the loops (baseline, AVX2, AVX-512, AVX-512 with bfloat16 dot products); every test goes through all that this processor can run.
struct LoopInstance: Sendable, CustomTestStringConvertible {
    let index: Int32
    var loops: heal_loops { heal_loops_instance(index)!.pointee }
    var testDescription: String { String(cString: loops.instruction_set) }

    /// Whether attention rounds probabilities to bfloat16 before it multiplies them.
    var dotsBFloat16: Bool { testDescription == "avx512bf16" }

    static let all: [LoopInstance] = (0..<4).filter { heal_loops_instance($0) != nil }.map(LoopInstance.init)
}

/// An element as the loops store it; references compute in Double on the values that were really stored.
protocol LoopElement: Equatable, Sendable {
    init(rounding x: Double)
    var double: Double { get }
    /// Half the distance between neighbours at 1: the relative error of one rounding.
    static var unitRoundoff: Double { get }
}

extension Float: LoopElement {
    init(rounding x: Double) { self = Float(x) }
    var double: Double { Double(self) }
    static var unitRoundoff: Double { 0x1p-24 }
}

extension Double: LoopElement {
    init(rounding x: Double) { self = x }
    var double: Double { self }
    static var unitRoundoff: Double { 0x1p-53 }
}

/// bfloat16 bits.
extension UInt16: LoopElement {
    /// The nearer of the two neighbours, found by comparing distances rather than by the usual integer trick.
    init(rounding x: Double) {
        let bits = Float(x).bitPattern
        let low = UInt16(bits >> 16)
        let high = low &+ 1
        let toLow = abs(x - low.double)
        let toHigh = abs(high.double - x)
        self = toLow < toHigh || (toLow == toHigh && low % 2 == 0) ? low : high
    }
    var double: Double { Double(Float(bitPattern: UInt32(self) << 16)) }
    static var unitRoundoff: Double { 0x1p-8 }
}

/// SplitMix64: the same inputs in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func array<T: LoopElement>(_ count: Int, in range: ClosedRange<Double> = -1...1) -> [T] {
        (0..<count).map { _ in T(rounding: Double.random(in: range, using: &self)) }
    }
}

/// An output array with a margin behind it that no loop may touch.
struct Guarded<T: LoopElement> {
    static var margin: Int { 67 }
    static var sentinel: T { T(rounding: -777) }
    var storage: [T]
    let count: Int

    init(_ count: Int, filledWith value: T = Self.sentinel) {
        self.count = count
        storage = Array(repeating: value, count: count) + Array(repeating: Self.sentinel, count: Self.margin)
    }
    init(_ values: [T]) {
        count = values.count
        storage = values + Array(repeating: Self.sentinel, count: Self.margin)
    }
    var values: [T] { Array(storage.prefix(count)) }
    var marginIsIntact: Bool { storage.suffix(Self.margin).allSatisfy { $0 == Self.sentinel } }
}

/// |actual - expected| <= one rounding of the stored type + `error` roundings of the compute type at the given magnitude.
func expectClose<T: LoopElement, C: LoopElement>(
    _ actual: Guarded<T>, _ expected: [Double], compute: C.Type, error: Double, _ label: @autoclosure () -> String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.marginIsIntact, "\(label()): wrote past the end", sourceLocation: sourceLocation)
    #expect(actual.count == expected.count, "\(label()): count", sourceLocation: sourceLocation)
    var worst = 0.0
    var worstIndex = -1
    for (i, (a, e)) in zip(actual.values, expected).enumerated() {
        let tolerance = abs(e) * T.unitRoundoff * 1.01 + error * C.unitRoundoff
        let excess = a.double == e ? 0 : abs(a.double - e) / tolerance
        if !(excess <= worst) {  // NaN counts as the worst
            worst = excess.isNaN ? .infinity : excess
            worstIndex = i
        }
    }
    if worst > 1 {
        Issue.record(
            "\(label()): element \(worstIndex) is \(actual.storage[worstIndex].double), expected \(expected[worstIndex]) (\(worst) x tolerance)",
            sourceLocation: sourceLocation)
    }
}

extension Array where Element: LoopElement {
    var doubles: [Double] { map(\.double) }
}

/// Lengths around every lane count: 0, 1, primes, multiples and their neighbours.
let awkwardLengths = [0, 1, 2, 7, 8, 13, 15, 16, 17, 31, 32, 33, 61, 64, 65, 127, 128, 131, 577]
