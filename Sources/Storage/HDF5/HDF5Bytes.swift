import Basics

/// A piece of an HDF5 file, little-endian.
struct HDF5Bytes {
    private let bytes: ArraySlice<UInt8>
    private let file: String
    private let place: Int

    /// Throws where the file ends before.
    init(_ file: ReadableFile, at place: Int, count: Int) throws(StorageError) {
        guard count >= 0, place >= 0, place <= file.count - count else {
            throw StorageError(.malformed, file: file.path, place: "byte \(place)", "is said to hold \(count) bytes, which lie beyond the end of the file")
        }
        var bytes: [UInt8] = []
        try file.forEachPiece(place..<place + count) { bytes.append(contentsOf: $0) }
        (self.bytes, self.file, self.place) = (bytes[...], file.path, place)
    }

    private init(_ bytes: ArraySlice<UInt8>, _ file: String, _ place: Int) { (self.bytes, self.file, self.place) = (bytes, file, place) }

    var count: Int { bytes.count }

    func part(_ start: Int, _ count: Int) -> HDF5Bytes { HDF5Bytes(bytes[bytes.startIndex + start..<bytes.startIndex + start + count], file, place + start) }

    func starts(with text: some Sequence<UInt8>) -> Bool { bytes.starts(with: text) }

    func byte(_ at: Int) -> Int { Int(bytes[bytes.startIndex + at]) }
    func short(_ at: Int) -> Int { byte(at) | byte(at + 1) << 8 }
    func int(_ at: Int) -> Int { short(at) | short(at + 2) << 16 }

    /// An address or a length: eight bytes. Throws where it is more than any file has, which undefined addresses are, too.
    func address(_ at: Int) throws(StorageError) -> Int {
        let high = int(at + 4)
        guard high < 1 << 24 else { throw refusal(at, "leads nowhere") }
        return int(at) | high << 32
    }

    func isUndefined(_ at: Int) -> Bool { (0..<8).allSatisfy { byte(at + $0) == 0xFF } }

    /// Whether a text begins at `offset` that ends in this piece.
    func holdsText(at offset: Int) -> Bool { offset < count && bytes[(bytes.startIndex + offset)...].contains(0) }

    func refusal(_ at: Int, _ message: String) -> StorageError {
        StorageError(.malformed, file: file, place: "byte \(place + at)", "\(message); this program writes no such thing, and does not read it")
    }
}
