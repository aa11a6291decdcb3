import Autograd
import Cluster
import Kernels
import Synchronization
import Testing

@testable import Trainer

struct GradientExchangeTests {
    /// A rank of two that notes the lengths of what it sends.
    private final class Listener: Communicator {
        let sent = Mutex<[Int]>([]), waits = Mutex(0)
        let rank = 0, size = 2, localSize = 1
        func gather(_ values: [Double]) -> [[Double]] { [values, values] }
        func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {}
        func startSum(_ values: UnsafeMutableBufferPointer<Float>) { sent.withLock { $0.append(values.count) } }
        func progress() {}
        func finishSums() { waits.withLock { $0 += 1 } }
        func leave() {}
        func abort(_ status: Int32) -> Never { fatalError() }
    }

    @Test func theLastBlockComesFirst() {
        let names = [
            "lm_head.weight", "model.embed_tokens.weight", "model.layers.10.mlp.up_proj.cores.0", "model.layers.2.input_layernorm.weight",
            "model.layers.2.mlp.up_proj.cores.0", "model.norm.weight",
        ]
        #expect(GradientExchange.order(names) == [5, 0, 2, 4, 3, 1])
    }

    /// A sum begins during the backward pass, in the order all ranks know, and the rest at its end.
    @Test func setsOutInOrderAsSoonAsComplete() {
        let listener = Listener()
        let exchange = GradientExchange(Gradients(shapes: [[1], [2], [3], [4]], type: .f32), order: [3, 1, 2, 0], over: listener)
        func sent() -> [Int] { listener.sent.withLock { $0 } }
        exchange.complete(1)
        #expect(sent() == [])
        exchange.complete(3)
        #expect(sent() == [4, 2])
        exchange.complete(0)
        #expect(sent() == [4, 2])
        exchange.finish()
        #expect(sent() == [4, 2, 3, 1] && listener.waits.withLock { $0 } == 1)
        #expect(exchange.bytes == 40)
    }
}
