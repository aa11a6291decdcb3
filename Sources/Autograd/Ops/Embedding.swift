import Kernels

/// Rows of a table: x[t] = table[tokens[t]]. Inputs: table [V, D]. Output [T, D], wide.
///
/// The pullback adds each row's cotangent to its token's row of the table, tokens in order.
package struct Embedding: Primitive {
    let tokens: [Int32]
    package init(tokens: [Int32]) { self.tokens = tokens }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let table = inputs[0], d = table.rowCount, type = table.dtype.wide
        let out = Tensor([tokens.count, d], type)
        let from = Address(table.base), to = Address(out.base), tokens = tokens, vocabulary = table.rows
        Parallel.forBlocks(of: tokens.count, block: 64) { r in
            for t in r {
                let id = Int(tokens[t])
                precondition(id >= 0 && id < vocabulary, "embedding: token \(id) outside a table of \(vocabulary) rows")
                let row = from.raw + id * d * table.dtype.size, target = to.raw + t * d * type.size
                if table.dtype == .bf16 {
                    for j in 0..<d { target.f32[j] = Float(bitPattern: UInt32(row.bf16[j]) << 16) }
                } else {
                    target.copyMemory(from: row, byteCount: d * type.size)
                }
            }
        }
        return Evaluation(out, saved: [])
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let d = cotangent.rowCount
        cotangents.write(0) { target, accumulate in
            if !accumulate { Elementwise.fillZero(target) }
            for (t, id) in tokens.enumerated() {
                if target.dtype == .f64 {
                    let from = cotangent.base.f64 + t * d, to = target.base.f64 + Int(id) * d
                    for j in 0..<d { to[j] += from[j] }
                } else {
                    let from = cotangent.base.f32 + t * d, to = target.base.f32 + Int(id) * d
                    for j in 0..<d { to[j] += from[j] }
                }
            }
        }
    }
}
