/// The steps of contracting inputs with one core after the other, shared by the arithmetic and by its cost.
///
/// Every step has one form: a state [batch, inner, rest] is contracted over `inner` with a core's matrix [outer, inner],
/// giving [batch, outer, rest], which is the next step's state without moving anything:
///
/// ```
/// left to right, core k:   batch = T o1..o(k-1)   inner = (r(k-1), i_k)   outer = (o_k, r_k)   rest = i(k+1)..iN
/// right to left, core k:   batch = T i1..i(k-1)   inner = (i_k, r_k)      outer = (r(k-1), o_k)   rest = o(k+1)..oN
/// ```
package struct CoreChain: Equatable, Sendable {
    package enum Order: String, Codable, Sendable, CaseIterable {
        case leftToRight = "left_to_right"
        case rightToLeft = "right_to_left"
    }

    /// One core's contraction.
    package struct Step: Equatable, Sendable {
        /// Which core, counted from zero.
        package var core: Int
        package var batch: Int
        package var inner: Int
        package var outer: Int
        package var rest: Int

        /// How [batch, inner, rest] is multiplied.
        package enum Form: Equatable, Sendable {
            /// rest = 1: one product of [batch, inner] with the transposed core.
            case single
            /// `batch` products of the core with [inner, rest].
            case batched
            /// rest is brought before inner, one product of [batch rest, inner], and back: for a narrow rest, where
            /// batched products would read the core once for a few columns.
            case turned
        }

        package var form: Form { rest == 1 ? .single : rest < 16 && batch > 1 ? .turned : .batched }

        /// The products of y = A x.
        package var forward: GEMMShape {
            switch form {
            case .single, .turned: GEMMShape(m: batch * rest, n: outer, k: inner)
            case .batched: GEMMShape(m: outer, n: rest, k: inner, count: batch)
            }
        }
        /// The products of dx = A^T dy.
        package var inputGradient: GEMMShape {
            switch form {
            case .single, .turned: GEMMShape(m: batch * rest, n: inner, k: outer)
            case .batched: GEMMShape(m: inner, n: rest, k: outer, count: batch)
            }
        }
        /// The products of dA = sum of dy x^T.
        package var coreGradient: GEMMShape {
            switch form {
            case .single, .turned: GEMMShape(m: outer, n: inner, k: batch * rest)
            case .batched: GEMMShape(m: outer, n: inner, k: rest, count: batch)
            }
        }
        /// Elements of the state before the step.
        package var inputCount: Int { batch * inner * rest }
        /// Elements of the state after the step.
        package var outputCount: Int { batch * outer * rest }
    }

    package let order: Order
    package let tokens: Int
    /// In the order in which they run.
    package let steps: [Step]

    package init(_ layout: MPOLayout, order: Order, tokens: Int) {
        self.order = order
        self.tokens = tokens
        let cores = 0..<layout.cores
        let bonds = layout.bonds
        steps =
            switch order {
            case .leftToRight:
                cores.map { core in
                    Step(
                        core: core, batch: tokens * layout.outFactors[..<core].reduce(1, *),
                        inner: bonds[core] * layout.inFactors[core], outer: layout.outFactors[core] * bonds[core + 1],
                        rest: layout.inFactors[(core + 1)...].reduce(1, *))
                }
            case .rightToLeft:
                cores.reversed().map { core in
                    Step(
                        core: core, batch: tokens * layout.inFactors[..<core].reduce(1, *),
                        inner: layout.inFactors[core] * bonds[core + 1], outer: bonds[core] * layout.outFactors[core],
                        rest: layout.outFactors[(core + 1)...].reduce(1, *))
                }
            }
    }
}
