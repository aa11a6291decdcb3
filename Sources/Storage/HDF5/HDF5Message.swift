import Basics

/// Where the members of a group are: a tree of entries, and a heap of their names.
struct HDF5Group: Equatable {
    var tree: Int
    var heap: Int
}

/// An entry of a group, or of the superblock for the root: 40 bytes (section III.C).
struct HDF5Entry {
    var name: Int
    /// The object's; nil where the entry is a link to another place.
    var header: Int?
    /// Stands here for groups, too.
    var group: HDF5Group?

    init(_ bytes: HDF5Bytes, at place: Int) throws(StorageError) {
        name = try bytes.address(place)
        let kind = bytes.int(place + 16)
        header = kind == 2 ? nil : try bytes.address(place + 8)
        group = kind == 1 ? HDF5Group(tree: try bytes.address(place + 24), heap: try bytes.address(place + 32)) : nil
        if kind > 2 { throw bytes.refusal(place, "is an entry of another kind") }
    }
}

/// A message of an object header (section IV.A.2): one fact on a group or a dataset.
struct HDF5Message {
    let type: Int
    let flags: Int
    let body: HDF5Bytes

    /// What is wrong with it; nil where the library can read it. What it says may still be no business of ours: that is looked at later, by names.
    var flaw: String? {
        switch type {
        case 0x01: return Self.isDataspace(body) ? nil : "is a shape of another kind"
        case 0x03: return flags & 2 != 0 || Self.isDatatype(body) ? nil : "is a type that does not end"
        case 0x04: return body.count >= 4 && body.int(0) <= body.count - 4 ? nil : "is a fill value that does not end"
        case 0x05: return Self.isFillValue(body) ? nil : "is a fill value of another kind"
        case 0x08: return body.count >= 2 && body.byte(0) == 3 && body.count >= (body.byte(1) == 1 ? 18 : 4) ? nil : "is a layout of another kind"
        case 0x0C: return Self.isAttribute(body) ? nil : "is an attribute of another kind"
        case 0x10, 0x11: return body.count >= 16 ? nil : "is too short"
        case 0x12: return body.count >= 8 ? nil : "is too short"
        default: return nil
        }
    }

    /// Addresses of the heap and the trees of a group with many members, by what has to stand there.
    var indices: [(address: Int, signature: String)] {
        get throws(StorageError) {
            guard type == 0x02 else { return [] }
            guard body.count >= 2, body.byte(0) == 0 else { throw body.refusal(0, "is a table of members of another kind") }
            let flags = body.byte(1), start = flags & 1 == 0 ? 2 : 10, signatures = ["FRHP", "BTHD"] + (flags & 2 == 0 ? [] : ["BTHD"])
            guard start + 8 * signatures.count <= body.count else { throw body.refusal(0, "is too short") }
            var found: [(Int, String)] = []
            for (number, signature) in signatures.enumerated() where !body.isUndefined(start + 8 * number) {
                found.append((try body.address(start + 8 * number), signature))
            }
            return found
        }
    }

    /// The object that a link leads to; nil where it is none, or leads elsewhere.
    var member: Int? {
        get throws(StorageError) {
            guard type == 0x06 else { return nil }
            guard body.count >= 2, body.byte(0) == 1 else { throw body.refusal(0, "is a link of another kind") }
            let flags = body.byte(1), width = 1 << (flags & 3)
            var place = 2, kind = 0
            if flags & 8 != 0, place < body.count { (kind, place) = (body.byte(place), place + 1) }
            place += (flags & 4 == 0 ? 0 : 8) + (flags & 16 == 0 ? 0 : 1)
            guard place + width <= body.count else { throw body.refusal(0, "is too short") }
            let length = (0..<width).reduce(0) { $0 | (body.byte(place + $1) & (0x7F | ($1 < 7 ? 0x80 : 0))) << (8 * $1) }
            guard length > 0, length <= body.count - place - width else { throw body.refusal(0, "is a name that does not end") }
            place += width + length
            guard kind == 0 else { return nil }
            guard place + 8 <= body.count else { throw body.refusal(0, "is too short") }
            return try body.address(place)
        }
    }

    /// Address and length of a further block of messages.
    var continuation: (Int, Int)? {
        get throws(StorageError) { type == 0x10 ? (try body.address(0), try body.address(8)) : nil }
    }

    var group: HDF5Group? {
        get throws(StorageError) { type == 0x11 ? HDF5Group(tree: try body.address(0), heap: try body.address(8)) : nil }
    }

    private static func isDataspace(_ body: HDF5Bytes) -> Bool {
        guard body.count >= 4, [1, 2].contains(body.byte(0)), body.byte(1) <= 32, body.byte(2) <= 1 else { return false }
        return (body.byte(0) == 1 ? 8 : 4) + 8 * body.byte(1) * (1 + body.byte(2)) <= body.count
    }

    /// Integers, floating-point numbers and text, which may be of variable length, are looked at; other types are refused by their place later.
    private static func isDatatype(_ body: HDF5Bytes) -> Bool {
        guard body.count >= 8 else { return false }
        let version = body.byte(0) >> 4, size = body.int(4)
        guard (1...3).contains(version), size > 0 else { return false }
        switch body.byte(0) & 15 {
        case 0: return body.count >= 12 && size <= 8
        case 1: return body.count >= 20 && size <= 16
        case 3: return true
        case 9: return size == 16 && body.byte(1) & 15 == 1 && body.count >= 16 && [0, 3].contains(body.byte(8) & 15) && isDatatype(body.part(8, body.count - 8))
        default: return true
        }
    }

    private static func isFillValue(_ body: HDF5Bytes) -> Bool {
        guard body.count >= 4 else { return false }
        switch body.byte(0) {
        case 1, 2:
            if body.byte(0) == 2, body.byte(3) == 0 { return true }
            return body.count >= 8 && body.int(4) <= body.count - 8
        case 3: return body.byte(1) & 32 == 0 || body.count >= 6 && body.int(2) <= body.count - 6
        default: return false
        }
    }

    private static func isAttribute(_ body: HDF5Bytes) -> Bool {
        guard body.count >= 9, (1...3).contains(body.byte(0)) else { return false }
        if body.byte(0) > 1, body.byte(1) != 0 { return true }  // Parts that are kept elsewhere.
        let sizes = [2, 4, 6].map { body.short($0) }, start = body.byte(0) == 3 ? 9 : 8
        // Version 1 fills each part up to eight bytes.
        let lengths = body.byte(0) == 1 ? sizes.map { ($0 + 7) / 8 * 8 } : sizes
        guard start + lengths.reduce(0, +) <= body.count, sizes[0] > 0, body.byte(start + sizes[0] - 1) == 0 else { return false }
        return isDatatype(body.part(start + lengths[0], sizes[1])) && isDataspace(body.part(start + lengths[0] + lengths[1], sizes[2]))
    }
}
