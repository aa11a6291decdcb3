import Basics
import CHDF5
import Foundation

/// An HDF5 file: groups, n-dimensional datasets and scalar attributes, addressed by paths such as `model/cores/0`.
///
/// Missing groups on the way to a dataset are created. Every dataset carries the CRC-32 of its bytes in the attribute
/// `crc32`, which is checked when it is read. The types are the ordinary ones that h5py and others show. Calls from
/// several threads are safe and run one after the other.
package final class HDF5File: @unchecked Sendable {
    // Sendable: `id` is touched under the library's lock only.
    package let path: String
    private var id: hid_t
    private let isWritten: Bool
    package static let checksumName = "crc32"

    private init(path: String, id: hid_t, isWritten: Bool) {
        self.path = path
        self.id = id
        self.isWritten = isWritten
    }

    /// Creates the file, or empties an existing one.
    ///
    /// - Parameter userBlock: bytes at the start that HDF5 leaves alone: 0, or a power of two from 512.
    package static func create(_ path: String, userBlock: Int = 0) throws(StorageError) -> HDF5File {
        try HDF5Library.locked { () throws(StorageError) in
            let access = try accessList(path)
            let creation = HDF5Handle(try HDF5Library.check(heal_h5_file_create_list(), path, nil, "prepare the file"), H5Pclose)
            try HDF5Library.check(H5Pset_userblock(creation.id, hsize_t(userBlock)), path, nil, "reserve \(userBlock) bytes")
            let id = try HDF5Library.check(H5Fcreate(path, heal_h5_create_flags(), creation.id, access.id), path, nil, "create the file")
            return HDF5File(path: path, id: id, isWritten: true)
        }
    }

    /// Opens for reading only.
    package static func open(_ path: String) throws(StorageError) -> HDF5File {
        guard let kind = FileSystem.kind(of: path) else { throw StorageError(.notFound, file: path, "there is no such file") }
        guard kind == .file else { throw StorageError(.notFound, file: path, "is not an ordinary file") }
        return try HDF5Library.locked { () throws(StorageError) in
            let access = try accessList(path)
            let id = try HDF5Library.check(H5Fopen(path, heal_h5_read_flags(), access.id), path, nil, "open as an HDF5 file")
            return HDF5File(path: path, id: id, isWritten: false)
        }
    }

    private static func accessList(_ path: String) throws(StorageError) -> HDF5Handle {
        let list = HDF5Handle(try HDF5Library.check(heal_h5_file_access_list(), path, nil, "prepare access"), H5Pclose)
        try HDF5Library.check(heal_h5_no_locking(list.id), path, nil, "prepare access")
        return list
    }

    /// Writes out what is buffered and closes; a full disk may show only here. Does nothing the second time.
    package func close() throws(StorageError) {
        try HDF5Library.locked { () throws(StorageError) in
            guard id >= 0 else { return }
            let open = id
            id = -1
            // Flushed first: what a failing close leaves undone is not told in every case.
            let flushed = isWritten ? H5Fflush(open, H5F_SCOPE_LOCAL) : 0
            do throws(StorageError) { try HDF5Library.check(flushed, path, nil, "finish writing") } catch {
                _ = H5Fclose(open)
                throw error
            }
            try HDF5Library.check(H5Fclose(open), path, nil, isWritten ? "finish writing" : "close the file")
        }
    }

    deinit {
        let open = id
        if open >= 0 { try? HDF5Library.locked { () throws(StorageError) in _ = H5Fclose(open) } }
    }

    /// Runs `body` with the open file's identifier under the lock.
    func withFile<Result>(_ body: (hid_t) throws(StorageError) -> Result) throws(StorageError) -> Result {
        try HDF5Library.locked { () throws(StorageError) in
            guard id >= 0 else { throw StorageError(.closed, file: path, "used after it was closed") }
            return try body(id)
        }
    }

    func missing(_ place: String, _ message: String) -> StorageError { StorageError(.missing, file: path, place: place, message) }

    @discardableResult
    func check<Status: SignedInteger>(_ status: Status, _ place: String, _ action: @autoclosure () -> String) throws(StorageError) -> Status {
        try HDF5Library.check(status, path, place, action())
    }

    /// Closes an object that was written to.
    func close(_ object: consuming HDF5Handle, _ place: String) throws(StorageError) { try check(object.close(), place, "finish writing") }

    // MARK: Groups

    /// Creates the group and those above it; an existing one is fine.
    package func createGroup(_ place: String) throws(StorageError) {
        try withFile { (file) throws(StorageError) in
            if try self.exists(place, in: file) { return }
            let links = try linkList(place)
            let group = HDF5Handle(try check(H5Gcreate2(file, place, links.id, heal_h5_default(), heal_h5_default()), place, "create the group"), H5Gclose)
            try close(group, place)
        }
    }

    /// Names of groups and datasets in a group, sorted; "/" is the root.
    package func children(of place: String = "/") throws(StorageError) -> [String] {
        try withFile { (file) throws(StorageError) in
            guard try self.exists(place, in: file) else { throw missing(place, "there is no such group") }
            let group = HDF5Handle(try check(H5Gopen2(file, place, heal_h5_default()), place, "open the group"), H5Gclose)
            var info = H5G_info_t()
            try check(H5Gget_info(group.id, &info), place, "examine the group")
            var names: [String] = []
            for index in 0..<info.nlinks {
                let length = try check(
                    H5Lget_name_by_idx(group.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, heal_h5_default()), place, "list the group")
                var buffer = [CChar](repeating: 0, count: length + 1)
                try check(
                    H5Lget_name_by_idx(group.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &buffer, buffer.count, heal_h5_default()), place,
                    "list the group")
                names.append(String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            return names.sorted()
        }
    }

    /// Whether there is a group or dataset at the path.
    package func exists(_ place: String) throws(StorageError) -> Bool {
        try withFile { (file) throws(StorageError) in try exists(place, in: file) }
    }

    /// HDF5 wants each link on the way checked in turn.
    func exists(_ place: String, in file: hid_t) throws(StorageError) -> Bool {
        var path = ""
        for part in place.split(separator: "/") {
            path += path.isEmpty ? String(part) : "/" + part
            if try check(H5Lexists(file, path, heal_h5_default()), place, "look up the path") == 0 { return false }
        }
        return true
    }

    /// For links whose missing parent groups are created, named in UTF-8.
    func linkList(_ place: String) throws(StorageError) -> HDF5Handle {
        let list = HDF5Handle(try check(heal_h5_link_create_list(), place, "prepare"), H5Pclose)
        try check(H5Pset_create_intermediate_group(list.id, 1), place, "prepare")
        try check(H5Pset_char_encoding(list.id, H5T_CSET_UTF8), place, "prepare")
        return list
    }
}
