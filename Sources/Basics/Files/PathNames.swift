/// Foundation's own functions for these crash on names of one letter.
extension FileSystem {
    /// The directory that a path stands in, as POSIX `dirname` tells it: `.` where the path has no slash.
    package static func parent(of path: String) -> String {
        let bytes = Array(path.utf8).droppingSlashes.droppingName
        if bytes.isEmpty { return path.hasPrefix("/") ? "/" : "." }
        let parent = bytes.droppingSlashes
        return parent.isEmpty ? "/" : String(decoding: parent, as: UTF8.self)
    }

    /// The last part of a path, as POSIX `basename` tells it.
    package static func name(of path: String) -> String {
        let bytes = Array(path.utf8).droppingSlashes
        if bytes.isEmpty { return path.isEmpty ? "" : "/" }
        return String(decoding: bytes[bytes.droppingName.endIndex...], as: UTF8.self)
    }
}

extension BidirectionalCollection<UInt8> {
    /// Without the slashes at its end.
    fileprivate var droppingSlashes: SubSequence { self[..<(lastIndex { $0 != slash }.map(index(after:)) ?? startIndex)] }
    /// Without what stands behind its last slash.
    fileprivate var droppingName: SubSequence { self[..<(lastIndex(of: slash).map(index(after:)) ?? startIndex)] }
    private var slash: UInt8 { UInt8(ascii: "/") }
}
