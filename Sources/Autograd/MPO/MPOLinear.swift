import Kernels
import Synchronization
import TensorTrain

/// y = x W^T (+ bias) (+ residual) where W [out, in] is given by the cores of an MPO.
///
/// Inputs: x [T, in], cores A_k [r(k-1), o_k, i_k, r_k] wide, then bias and residual as for `Linear`.
/// Two ways to the same numbers, chosen by `plan`: rebuild W, multiply, and project dW onto the cores; or carry x through the cores one by one.
/// Kept: x and the cores. W is built again in the pullback unless `cache` still has it, or `savesDense` let the tape keep it; cores are brought into the order
/// of their products again unless `cache` still has those.
package struct MPOLinear: Primitive {
    package let chain: DenseForm
    let plan: ContractionPlan
    let hasBias: Bool
    let hasResidual: Bool
    let cache: PreparedWeight?
    let savesDense: Bool

    package init(
        _ chain: DenseForm, plan: ContractionPlan = .rebuild, hasBias: Bool = false, hasResidual: Bool = false, cache: PreparedWeight? = nil,
        savesDense: Bool = false
    ) {
        self.chain = chain
        self.plan = plan
        self.hasBias = hasBias
        self.hasResidual = hasResidual
        self.cache = cache
        self.savesDense = savesDense
    }

    private var cores: Int { chain.layout.cores }
    private var frame: LinearFrame { LinearFrame(hasBias: hasBias, hasResidual: hasResidual, firstExtra: cores + 1) }

    private func dense(_ cores: [Tensor], _ type: DType) -> Tensor {
        Stopwatch.time("MPO rebuild") { cache?.tensors(type) { [chain.dense(cores, type: type)] }[0] ?? chain.dense(cores, type: type) }
    }

    package func forward(_ inputs: [Tensor], wants: [Bool]) -> Evaluation {
        let x = inputs[0], given = Array(inputs[1...cores])
        let trains = wants[1...cores].contains(true)
        let kept = (trains ? x : Tensor([0], x.dtype))
        switch plan {
        case .rebuild:
            let w = dense(given, x.dtype)
            let y = frame.forward(x, rows: w.rows, inputs) { out, accumulate in
                GEMM.multiply(x, w, transposeB: true, into: out, accumulate: accumulate)
            }
            return Evaluation(y, saved: [kept] + given + (savesDense && wants[0] ? [w] : []))
        case .coreByCore(let order):
            let walk = CoreWalk(chain.layout, order: order, cache: cache)
            var states: [Tensor] = []
            let out = frame.forward(x, rows: chain.layout.rows, inputs) { out, accumulate in
                states = walk.forward(x, cores: given, into: out, accumulate: accumulate)
            }
            return Evaluation(out, saved: [kept] + given + (trains ? states : []))
        }
    }

    package func pullback(_ cotangent: Tensor, saved: [Tensor], into cotangents: inout Cotangents) {
        let x = saved[0], given = Array(saved[1...cores])
        let dy = frame.pullback(cotangent, type: x.dtype, into: &cotangents)
        let trains = (1...cores).contains { cotangents.wants($0) }
        switch plan {
        case .rebuild:
            if cotangents.wants(0) {
                let w = savesDense ? saved[1 + cores] : dense(given, x.dtype)
                Stopwatch.time("MPO dx") { cotangents.write(0) { dx, accumulate in GEMM.multiply(dy, w, into: dx, accumulate: accumulate) } }
            }
            if cores == 1 {
                cotangents.write(1) { dw, accumulate in
                    GEMM.multiply(dy, transposeA: true, x, into: dw.reshaped([dy.rowCount, x.rowCount]), accumulate: accumulate)
                }
            } else if trains {
                let dM = Stopwatch.time("MPO dW") { chain.chainGradient(dy: dy, x: x) }
                Stopwatch.time("MPO project") { chain.project(dM, cores: given, first: 1, into: &cotangents) }
            }
        case .coreByCore(let order):
            CoreWalk(chain.layout, order: order, cache: cache)
                .pullback(dy, cores: given, states: trains ? Array(saved[(1 + cores)...]) : nil, into: &cotangents)
        }
    }
}

/// What the products of one layer read, kept until its cores change: the rebuilt W, or every core in the order and type that it is multiplied in.
package final class PreparedWeight: Sendable {
    private let held = Mutex<[Tensor]>([])
    package init() {}

    func tensors(_ type: DType, make: () -> [Tensor]) -> [Tensor] {
        let known = held.withLock { $0 }
        if known.first?.dtype == type { return known }
        let made = make()
        held.withLock { $0 = made }
        return made
    }

    /// To be called when the cores have changed.
    package func invalidate() { held.withLock { $0 = [] } }
}
