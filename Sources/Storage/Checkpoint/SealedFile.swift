import Foundation

/// An HDF5 file with a seal: its first 512 bytes, which HDF5 leaves to the application, hold the file's size and the CRC-32
/// of everything after them. The seal is written last, so its presence says that the file is complete.
///
/// The seal is checked before the HDF5 library sees the file: the library trusts its input, and a flipped bit in a file's
/// structure, which no dataset's checksum covers, could crash it.
package enum SealedFile {
    package static let blockSize = 512
    private static let title = "heal checkpoint\n"
    private static let version = 1

    /// Creates the file with room for the seal.
    package static func create(_ path: String) throws(StorageError) -> HDF5File {
        try HDF5File.create(path, userBlock: blockSize)
    }

    /// Seals a file that `create` made and that was closed.
    ///
    /// - Parameter syncing: makes it durable.
    package static func seal(_ path: String, syncing: Bool = true) throws(StorageError) {
        let block = try block(of: MappedFile(path: path))
        let file = try WritableFile(updating: path)
        try block.withRawBytes { (raw) throws(StorageError) in try file.write(raw, at: 0) }
        try file.close(syncing: syncing)
    }

    /// The seal that the file's content demands.
    private static func block(of file: MappedFile) throws(StorageError) -> [UInt8] {
        let text = """
            \(title)version \(version)
            bytes \(file.count)
            crc32 \(try contentChecksum(file).text)

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
        let file = try MappedFile(path: path)
        defer { withExtendedLifetime(file) {} }
        guard let block = file.slice(at: 0, count: blockSize) else {
            throw StorageError(.truncated, file: path, "holds only \(file.count) bytes, less than a checkpoint's first block")
        }
        guard block.starts(with: title.utf8) else {
            if block.allSatisfy({ $0 == 0 }) {
                throw StorageError(.truncated, file: path, "was never finished: it has no seal")
            }
            throw StorageError(.unsupported, file: path, "is not a heal checkpoint: its first \(blockSize) bytes hold no seal")
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
        guard try Self.block(of: file).elementsEqual(block) else {
            throw StorageError(.checksum, file: path, "is damaged: its checksum does not match its content")
        }
    }

    /// Verifies, then opens for reading.
    package static func open(_ path: String) throws(StorageError) -> HDF5File {
        try verify(path)
        return try HDF5File.open(path)
    }

    /// `key value` lines up to the first empty one.
    private static func fields(_ block: UnsafeRawBufferPointer) -> [String: String] {
        let text = String(decoding: block.prefix { $0 != 0 }, as: UTF8.self)
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst() {
            if line.isEmpty { break }
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }

    private static func contentChecksum(_ file: MappedFile) throws(StorageError) -> Checksum {
        defer { withExtendedLifetime(file) {} }
        guard file.count >= blockSize else { throw StorageError(.truncated, file: file.path, "has no room for a seal") }
        var checksum = Checksum()
        let piece = 1 << 24
        var start = blockSize
        while start < file.bytes.count {
            let slice = UnsafeRawBufferPointer(rebasing: file.bytes[start..<min(start + piece, file.bytes.count)])
            checksum.add(slice)
            file.release(slice)  // so that a large checkpoint does not count as memory in use
            start += slice.count
        }
        return checksum
    }
}
