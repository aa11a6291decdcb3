import Basics

/// A look at an HDF5 file's structure before the library sees it. The library trusts its input: an address that leads nowhere, or a part that does not end
/// where it should, can crash it. What is sound and yet nothing of ours is refused later, by its place.
///
/// Read is the form that the library writes by default (HDF5 File Format Specification 3.0, sections II to IV: superblock 0, object headers 1, groups by
/// B-trees 1). Newer forms are left to the library: they have checksums of their own.
struct HDF5Outline {
    private let file: ReadableFile
    private let base: Int
    private let leafEntries: Int
    private let nodeEntries: Int
    /// Addresses of nodes that were walked, and of objects, with where their members are.
    private var nodes: Set<Int> = []
    private var objects: [Int: HDF5Group?] = [:]
    private var depth = 0
    /// Of groups in each other.
    private static let deepest = 64

    static func verify(_ path: String) throws(StorageError) {
        let file = try ReadableFile(path: path)
        // The superblock stands at 0, 512, 1024, ...: behind what HDF5 leaves to the application.
        for base in sequence(first: 0, next: { $0 == 0 ? 512 : 2 * $0 }).prefix(while: { $0 + 96 <= file.count }) {
            let block = try HDF5Bytes(file, at: base, count: 96)
            guard block.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) else { continue }
            guard block.byte(8) == 0 else { return }
            var outline = try HDF5Outline(file, base, block)
            return try outline.walk(try HDF5Entry(block, at: 56))
        }
    }

    private init(_ file: ReadableFile, _ base: Int, _ block: HDF5Bytes) throws(StorageError) {
        (self.file, self.base) = (file, base)
        guard block.byte(13) == 8, block.byte(14) == 8, try block.address(24) == base else { throw Self.refusal(file, base, "has a superblock of another kind") }
        leafEntries = 2 * block.short(16)
        nodeEntries = 2 * block.short(18)
    }

    private static func refusal(_ file: ReadableFile, _ place: Int, _ message: String) -> StorageError {
        StorageError(.malformed, file: file.path, place: "byte \(place)", "\(message); this program writes no such thing, and does not read it")
    }

    private func refusal(_ address: Int, _ message: String) -> StorageError { Self.refusal(file, base + address, message) }

    private func bytes(at address: Int, count: Int) throws(StorageError) -> HDF5Bytes {
        guard address <= file.count - base else { throw refusal(address, "lies beyond the end of the file") }
        return try HDF5Bytes(file, at: base + address, count: count)
    }

    // MARK: Objects

    private mutating func walk(_ entry: HDF5Entry) throws(StorageError) {
        guard let header = entry.header else { return }
        let group = try walk(object: header)
        // The library takes a group's addresses from the entry where they stand there, too. What stands there of a group in the newer form is left over.
        guard entry.group == nil || group == nil || entry.group == group else { throw refusal(header, "is an object of another kind than its entry says") }
    }

    /// Looks at the messages of an object's header, and at what they lead to. Returns where a group's members are that are kept in a tree of entries.
    @discardableResult private mutating func walk(object address: Int) throws(StorageError) -> HDF5Group? {
        if let known = objects[address] { return known }
        let header = try bytes(at: address, count: 16)
        // Headers of version 2 have checksums of their own.
        if header.starts(with: "OHDR".utf8) { return nil }
        guard header.byte(0) == 1 else { throw refusal(address, "is no object header") }
        var chunks = [(address + 16, header.int(8))], messages = 0, read = 0, group: HDF5Group?, members: [Int] = []
        while let (start, count) = chunks.popLast() {
            let chunk = try bytes(at: start, count: count)
            read += count
            guard read <= file.count else { throw refusal(address, "has a header longer than the file") }
            var place = 0
            while place < count {
                guard place + 8 <= count, place + 8 + chunk.short(place + 2) <= count else { throw refusal(start + place, "is a message that does not end in its block") }
                let message = HDF5Message(type: chunk.short(place), flags: chunk.byte(place + 4), body: chunk.part(place + 8, chunk.short(place + 2)))
                if let flaw = message.flaw { throw refusal(start + place, flaw) }
                if let next = try message.continuation { chunks.append(next) }
                if let found = try message.group { group = found }
                for (place, signature) in try message.indices {
                    guard try bytes(at: place, count: 4).starts(with: signature.utf8) else { throw refusal(place, "is no index of a group's members") }
                }
                if let member = try message.member { members.append(member) }
                messages += 1
                place += 8 + message.body.count
            }
        }
        guard messages == header.short(2) else { throw refusal(address, "has \(messages) of \(header.short(2)) messages") }
        objects[address] = .some(group)
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw refusal(address, "is a group below \(Self.deepest) others") }
        for member in members { try walk(object: member) }
        if let group { try walk(node: group.tree, try names(ofHeap: group.heap), level: nil) }
        return group
    }

    // MARK: Members of groups

    /// Throws unless the heap is sound. Returns its text.
    private func names(ofHeap address: Int) throws(StorageError) -> HDF5Bytes {
        let heap = try bytes(at: address, count: 32)
        guard heap.starts(with: "HEAP".utf8), heap.byte(4) == 0 else { throw refusal(address, "is no heap of names") }
        let names = try bytes(at: try heap.address(24), count: try heap.address(8))
        // The free pieces are a list that ends with 1.
        var free = try heap.address(16), steps = 0
        while free != 1 {
            guard free + 16 <= names.count, steps <= names.count / 16 else { throw refusal(address, "is a heap with free pieces outside it") }
            let size = try names.address(free + 8)
            guard size >= 16, size <= names.count - free else { throw refusal(address, "is a heap with free pieces outside it") }
            free = try names.address(free)
            steps += 1
        }
        return names
    }

    private mutating func walk(node address: Int, _ names: HDF5Bytes, level expected: Int?) throws(StorageError) {
        guard nodes.insert(address).inserted else { return }
        let node = try bytes(at: address, count: 24 + 16 * nodeEntries + 8)
        let level = node.byte(5), entries = node.short(6)
        guard node.starts(with: "TREE".utf8), node.byte(4) == 0, expected == nil || level == expected, level < 8, entries <= nodeEntries else {
            throw refusal(address, "is no tree of a group's members")
        }
        for entry in 0..<entries {
            for key in [entry, entry + 1] { try requireName(try node.address(24 + 16 * key), names, address) }
            let child = try node.address(32 + 16 * entry)
            if level > 0 { try walk(node: child, names, level: level - 1) } else { try walk(members: child, names) }
        }
    }

    private mutating func walk(members address: Int, _ names: HDF5Bytes) throws(StorageError) {
        guard nodes.insert(address).inserted else { return }
        let node = try bytes(at: address, count: 8 + 40 * leafEntries)
        guard node.starts(with: "SNOD".utf8), node.byte(4) == 1, node.short(6) <= leafEntries else { throw refusal(address, "is no list of a group's members") }
        for number in 0..<node.short(6) {
            let entry = try HDF5Entry(node, at: 8 + 40 * number)
            try requireName(entry.name, names, address)
            try walk(entry)
        }
    }

    private func requireName(_ offset: Int, _ names: HDF5Bytes, _ address: Int) throws(StorageError) {
        guard names.holdsText(at: offset) else { throw refusal(address, "has a name outside the heap of names") }
    }
}
