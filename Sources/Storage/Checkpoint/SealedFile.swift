import Basics
import Foundation

/// An HDF5 file with a seal: its first 512 bytes, which HDF5 leaves to the application, hold the file's size and the CRC-32
/// of everything after them. The seal is written last, so its presence says that the file is complete.
///
/// The seal is checked before the HDF5 library sees the file: the library trusts its input, and a flipped bit in a file's
/// structure, which no dataset's checksum covers, could crash it. Reading writes nothing, and needs no lock.
package enum SealedFile {
    package static let blockSize = 512
    private static let title = "heal checkpoint\n"
    private static let version = 1

    /// Creates the file with room for the seal.
    package static func create(_ path: String) throws(StorageError) -> HDF5File {
        try HDF5File.create(path, userBlock: blockSize)
    }

    /// Seals a file that `create` made and that was closed. The seal is that of what the file holds by then, read back.
    ///
    /// - Parameter syncing: makes it durable; the content comes to the disk before it is read and sealed.
    package static func seal(_ path: String, syncing: Bool = true) throws(StorageError) {
        let file = try WritableFile(updating: path)
        if syncing { try file.sync() }
        let block = try block(of: ReadableFile(path: path))
        try block.withRawBytes { (raw) throws(StorageError) in try file.write(raw, at: 0) }
        try file.close(syncing: syncing)
    }

    /// The seal that the file's content demands.
    private static func block(of file: ReadableFile) throws(StorageError) -> [UInt8] {
        guard file.count >= blockSize else { throw StorageError(.truncated, file: file.path, "has no room for a seal") }
        var checksum = Checksum()
        try file.forEachPiece(blockSize..<file.count) { checksum.add($0) }
        let text = """
            \(title)version \(version)
            bytes \(file.count)
            crc32 \(checksum.text)

            An HDF5 file: h5py, h5dump and others open it as it is. These first \(blockSize) bytes are its user block;
            crc32 is that of all bytes after them (zlib's).

            """
        var block = Array(text.utf8)
        precondition(block.count <= blockSize)
        block += [UInt8](repeating: 0, count: blockSize - block.count)
        return block
    }

    /// Throws where the file is not sealed, incomplete or damaged. Reads all of it.
    package static func verify(_ path: String) throws(StorageError) {
        let file = try ReadableFile(path: path)
        guard file.count >= blockSize else {
            throw StorageError(.truncated, file: path, "holds only \(file.count) bytes, less than a checkpoint's first block")
        }
        var block: [UInt8] = []
        try file.forEachPiece(0..<blockSize) { block = Array($0) }
        guard block.starts(with: title.utf8) else {
            if block.allSatisfy({ $0 == 0 }) {
                throw StorageError(.truncated, file: path, "was never finished: it has no seal")
            }
            throw StorageError(.malformed, file: path, "is not a heal checkpoint: its first \(blockSize) bytes hold no seal")
        }
        let fields = fields(block)
        guard fields["version"] == String(version) else {
            throw StorageError(
                .unsupported, file: path, "is sealed in version \(fields["version"] ?? "?"); this program reads version \(version)")
        }
        guard let size = fields["bytes"].flatMap({ Int($0) }) else {
            throw StorageError(.malformed, file: path, "has a damaged seal")
        }
        guard size == file.count else {
            throw StorageError(.truncated, file: path, "holds \(file.count) of \(size) bytes")
        }
        guard try Self.block(of: file) == block else {
            throw StorageError(.checksum, file: path, "is damaged: its checksum does not match its content")
        }
    }

    /// Verifies, then opens for reading. A seal says who finished the file, not what is in it, so its structure is looked at, too.
    package static func open(_ path: String) throws(StorageError) -> HDF5File {
        try verify(path)
        try HDF5Outline.verify(path)
        let file = try HDF5File.open(path)
        try file.verifyStructure()
        return file
    }

    /// Throws where the bytes of a dataset do not have its checksum, or the file's structure is not one of ours. Does not ask for the seal.
    package static func verifyContents(_ path: String) throws(StorageError) {
        try HDF5Outline.verify(path)
        let file = try HDF5File.open(path)
        try file.verifyContents()
        try file.close()
    }

    /// `key value` lines up to the first empty one.
    private static func fields(_ block: [UInt8]) -> [String: String] {
        let text = String(decoding: block.prefix { $0 != 0 }, as: UTF8.self)
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst() {
            if line.isEmpty { break }
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }
}
