import Kernels
import Storage

extension CheckpointReader {
    /// Moments and count of updates into an optimizer that was made for the same parameters. Moments of the other precision are converted, to the nearest
    /// code where they become 8 bits.
    package func restore(_ optimizer: inout AdamWOptimizer, names: [String]) throws {
        let type = try file.stringAttribute("type", at: "optimizer") ?? ""
        guard let stored = AdamWOptimizer.Precision(rawValue: type) else {
            throw HealError(.checkpoint, "\(path): holds moments of \"\(type)\", which this program does not know")
        }
        optimizer.step = try optimizerStep()
        for (moments, name) in zip(optimizer.moments, names) { try restore(moments, name, stored) }
    }

    /// Updates done.
    func optimizerStep() throws -> Int {
        let count = try file.intAttribute("step", at: "optimizer") ?? 0
        guard (0...step).contains(count) else {
            throw HealError(.checkpoint, "\(path): optimizer/@step: is \(count), but the run at step \(step); the file is damaged")
        }
        return count
    }

    private func restore(_ moments: AdamWOptimizer.Moments, _ name: String, _ stored: AdamWOptimizer.Precision) throws {
        switch moments {
        case .wide(let m, let v):
            guard stored == .blockwise, AdamWOptimizer.isLarge(m.shape) else { return try readWide(name, m, v) }
            let narrow = BlockwiseMoments(count: m.count)
            try readNarrow(name, narrow)
            narrow.decode(m: m, v: v)
        case .blockwise(let narrow):
            if stored == .blockwise { return try readNarrow(name, narrow) }
            let m = Tensor([narrow.count], .f32), v = Tensor([narrow.count], .f32)
            try readWide(name, m, v)
            narrow.code(m: m, v: v)
        }
    }

    private func readWide(_ name: String, _ m: Tensor, _ v: Tensor) throws {
        try read("m/\(name)", m)
        try read("v/\(name)", v)
    }

    private func readNarrow(_ name: String, _ moments: BlockwiseMoments) throws {
        try file.read("optimizer/m/\(name)", into: moments.m.assumingMemoryBound(to: UInt8.self))
        try file.read("optimizer/v/\(name)", into: moments.v.assumingMemoryBound(to: UInt8.self))
        try read("m_scale/\(name)", moments.mScale)
        try read("v_scale/\(name)", moments.vScale)
    }

    private func read(_ place: String, _ tensor: Tensor) throws {
        try file.read("optimizer/\(place)", into: UnsafeMutableBufferPointer(start: tensor.base.f32, count: tensor.count))
    }
}
