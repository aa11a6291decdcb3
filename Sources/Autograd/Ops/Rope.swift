import Kernels

/// Rotary position embedding of x [T, heads * headDim]. A rotation: the pullback turns back, and nothing but positions is kept.
package struct Rope: Primitive {
    let heads: Int
    let positions: [Int32]
    let table: RotaryTable
    package init(heads: Int, positions: [Int32], table: RotaryTable) {
        self.heads = heads
        self.positions = positions
        self.table = table
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        Evaluation(Rotary.rotate(inputs[0], heads: heads, positions: positions, table: table, inverse: false), saved: [])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        cotangents.add(0, Rotary.rotate(cotangent, heads: heads, positions: positions, table: table, inverse: true))
    }
}
