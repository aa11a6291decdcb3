import Storage

/// What the moments in a checkpoint can be: finite numbers, no second moment below zero, and only of tensors that the model has.
struct StoredMoments {
    let path: String
    /// The tensors below `optimizer/m`, `v`, `m_scale` and `v_scale`; those with a scale are in 8 bits.
    let names: [String: [String]]
    private let narrow: Set<String>

    static let groups = ["m", "v", "m_scale", "v_scale"]

    init(path: String, names: [String: [String]]) {
        self.path = path
        self.names = names
        narrow = Set(names["m_scale"] ?? [])
    }

    /// What is wrong with numbers of a dataset; nil where nothing is, or where it holds no moments in float32.
    func complaint(_ place: String, _ bytes: UnsafeRawBufferPointer) -> String? {
        let parts = place.split(separator: "/", maxSplits: 2)
        guard parts.count == 3, parts[0] == "optimizer", parts[1].hasSuffix("_scale") || !narrow.contains(String(parts[2])) else { return nil }
        let isSigned = parts[1] == "m", count = bytes.count / 4
        func bits(_ index: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self) }
        // Of a number without its sign, the bits are larger than those of every finite one where it is none; a sign makes them larger, too.
        let mask = isSigned ? 0x7FFF_FFFF : UInt32.max
        var largest: UInt32 = 0
        for index in 0..<count { largest = max(largest, bits(index) & mask) }
        if largest < 0x7F80_0000 { return nil }
        let wrong = (0..<count).lazy.map { Float(bitPattern: bits($0)) }.first { !$0.isFinite || (!isSigned && $0 < 0) }
        return wrong.map { "holds \($0), which is no moment; the file is damaged" }
    }

    /// Throws where they are of other tensors than the model's, or one of a pair is missing.
    func requireTensors(of model: OpenedModel) throws(HealError) {
        for group in Self.groups {
            for name in names[group] ?? [] where !model.source.contains(name) {
                throw HealError(.checkpoint, "\(path): optimizer/\(group)/\(name): the model has no such tensor; the file is damaged")
            }
        }
        for (first, second) in [("m", "v"), ("m_scale", "v_scale")] where names[first] != names[second] {
            throw HealError(.checkpoint, "\(path): optimizer/\(first) and optimizer/\(second): are of different tensors; the file is damaged")
        }
    }
}

extension CheckpointReader {
    func moments() throws -> StoredMoments {
        var names: [String: [String]] = [:]
        for group in StoredMoments.groups { names[group] = try file.exists("optimizer/\(group)") ? file.children(of: "optimizer/\(group)") : [] }
        return StoredMoments(path: path, names: names)
    }
}
