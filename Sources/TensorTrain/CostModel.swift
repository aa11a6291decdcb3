/// Turns a ``ContractionCost`` into seconds. The rates are those of one machine and can be fitted on it; the defaults are
/// of one core with AVX-512 in single precision.
///
/// A product takes the longer of its arithmetic and its memory traffic. One with any side below `smallSide` counts at the
/// rate for small products, which cannot fill the registers and pay for each call.
package struct CostModel: Codable, Equatable, Sendable {
    /// Operations per second of a large product.
    package var largeRate: Double
    /// Operations per second of a small product.
    package var smallRate: Double
    /// Bytes per second, read and written together.
    package var byteRate: Double
    /// The side below which a product is small.
    package var smallSide: Int
    /// Bytes of an element.
    package var elementSize: Int

    private enum CodingKeys: String, CodingKey {
        case largeRate = "large_rate"
        case smallRate = "small_rate"
        case byteRate = "byte_rate"
        case smallSide = "small_side"
        case elementSize = "element_size"
    }

    package init(
        largeRate: Double = 95e9, smallRate: Double = 30e9, byteRate: Double = 12e9, smallSide: Int = 48,
        elementSize: Int = 4
    ) {
        self.largeRate = largeRate
        self.smallRate = smallRate
        self.byteRate = byteRate
        self.smallSide = smallSide
        self.elementSize = elementSize
    }

    package func seconds(_ cost: ContractionCost) -> Double {
        var sum = cost.movedElements * Double(elementSize) / byteRate
        for product in cost.products {
            let shape = product.shape
            let rate = min(shape.m, shape.n, shape.k) < smallSide ? smallRate : largeRate
            sum += product.weight * max(shape.flops / rate, shape.elements * Double(elementSize) / byteRate)
        }
        return sum
    }
}
