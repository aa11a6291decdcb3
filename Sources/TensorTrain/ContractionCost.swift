/// What a pass costs: its matrix products, and the elements moved to reorder axes or to add.
package struct ContractionCost: Equatable, Sendable {
    /// One product, and how much of it falls to one pass: a product that m passes share has weight 1/m.
    package struct Product: Equatable, Sendable {
        package var shape: GEMMShape
        package var weight: Double
    }

    package var products: [Product] = []
    /// Elements read or written outside products.
    package var movedElements = 0.0

    /// Of a dense matrix [out, in], forward only.
    package static func forward(out: Int, in columns: Int, tokens: Int) -> ContractionCost {
        var cost = ContractionCost()
        cost.add(GEMMShape(m: tokens, n: out, k: columns))
        return cost
    }

    /// Of a dense matrix [out, in] that is not trained: y forward, dx backward.
    package static func frozen(out: Int, in columns: Int, tokens: Int) -> ContractionCost {
        var cost = ContractionCost()
        cost.add(GEMMShape(m: tokens, n: out, k: columns))
        cost.add(GEMMShape(m: tokens, n: columns, k: out))
        return cost
    }

    /// Floating-point operations, a multiplication and an addition counting as two.
    package var flops: Double { products.reduce(0) { $0 + $1.shape.flops * $1.weight } }

    /// Bytes read and written, each operand of a product counting once.
    package func bytes(elementSize: Int) -> Double {
        (products.reduce(movedElements) { $0 + $1.shape.elements * $1.weight }) * Double(elementSize)
    }

    package static func + (a: ContractionCost, b: ContractionCost) -> ContractionCost {
        ContractionCost(products: a.products + b.products, movedElements: a.movedElements + b.movedElements)
    }

    fileprivate mutating func add(_ shape: GEMMShape, weight: Double = 1) {
        products.append(Product(shape: shape, weight: weight))
    }
}

extension ContractionPlan {
    /// The cost of y = x W^T for some tokens; shared work is divided by `rebuildsShared`.
    package func forwardCost(_ layout: MPOLayout, tokens: Int, rebuildsShared: Int = 1) -> ContractionCost {
        var cost = ContractionCost()
        switch self {
        case .rebuild:
            cost = Self.rebuildCost(layout, shared: rebuildsShared)
            cost.add(GEMMShape(m: tokens, n: layout.rows, k: layout.columns))
        case .coreByCore(let order):
            for step in CoreChain(layout, order: order, tokens: tokens).steps {
                cost.add(step.forward)
                if step.form == .turned { cost.movedElements += 2 * Double(step.inputCount + step.outputCount) }
                if order == .leftToRight { cost.movedElements += 2 * Double(layout.coreCount(step.core)) }
            }
        }
        return cost
    }

    /// The cost of dx and of every core's gradient, given dy. Core by core, the states of the forward pass are kept.
    package func backwardCost(
        _ layout: MPOLayout, tokens: Int, rebuildsShared: Int = 1, keepsDense: Bool = false
    ) -> ContractionCost {
        var cost = ContractionCost()
        switch self {
        case .rebuild:
            if !keepsDense && rebuildsShared <= 1 { cost = Self.rebuildCost(layout, shared: 1) }
            cost.add(GEMMShape(m: tokens, n: layout.columns, k: layout.rows))
            cost.add(GEMMShape(m: layout.rows, n: layout.columns, k: tokens))
            return cost + Self.projectionCost(layout, shared: rebuildsShared)
        case .coreByCore(let order):
            for step in CoreChain(layout, order: order, tokens: tokens).steps {
                cost.add(step.inputGradient)
                cost.add(step.coreGradient)
                if step.form == .turned { cost.movedElements += 2 * Double(2 * step.inputCount + step.outputCount) }
                if order == .leftToRight { cost.movedElements += 4 * Double(layout.coreCount(step.core)) }
            }
            return cost
        }
    }

    /// Elements kept between the forward and the backward pass, x itself included.
    package func savedElements(_ layout: MPOLayout, tokens: Int, keepsDense: Bool = false) -> Int {
        switch self {
        case .rebuild: tokens * layout.columns + (keepsDense ? layout.denseCount : 0)
        case .coreByCore(let order):
            CoreChain(layout, order: order, tokens: tokens).steps.reduce(0) { $0 + $1.inputCount }
        }
    }

    /// W from the cores: the products of ``RebuildPath`` and one permutation.
    package static func rebuildCost(_ layout: MPOLayout, shared: Int = 1) -> ContractionCost {
        let weight = 1 / Double(max(shared, 1))
        var cost = ContractionCost()
        for shape in RebuildPath(layout).products { cost.add(shape, weight: weight) }
        if layout.cores > 1 { cost.movedElements = 2 * Double(layout.denseCount) * weight }
        return cost
    }

    /// dA_1..dA_N from dW: one permutation, the two products with dW at the cut, and two for each further core; what
    /// cores multiply to on both sides of the cut is counted as made again.
    package static func projectionCost(_ layout: MPOLayout, shared: Int = 1) -> ContractionCost {
        let weight = 1 / Double(max(shared, 1))
        var cost = ContractionCost()
        for shape in RebuildPath(layout).products.dropLast() { cost.add(shape, weight: weight) }
        for shape in RebuildPath(layout).products {
            cost.add(GEMMShape(m: shape.m, n: shape.k, k: shape.n), weight: weight)
            cost.add(GEMMShape(m: shape.k, n: shape.n, k: shape.m), weight: weight)
        }
        if layout.cores > 1 { cost.movedElements = 2 * Double(layout.denseCount) * weight }
        return cost
    }

    /// The cost of a dense layer's forward pass, to compare with.
    package static func denseCost(_ layout: MPOLayout, tokens: Int) -> ContractionCost {
        var cost = ContractionCost()
        cost.add(GEMMShape(m: tokens, n: layout.rows, k: layout.columns))
        return cost
    }
}
