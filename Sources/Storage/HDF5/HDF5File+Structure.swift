import Basics
import CHDF5

/// What a file of ours consists of: a tree of groups with plain datasets. Everything else that HDF5 knows is refused before it is followed, because what
/// it claims need not be in the file: links into other files, references, data that grow when they are unpacked.
extension HDF5File {
    /// Throws unless the file is such a tree and every dataset's bytes lie in it, so that no shape in it claims more than the file holds.
    package func verifyStructure() throws(StorageError) { try withFile { (file) throws(StorageError) in try verify(self.datasets(file)) } }

    /// As `verifyStructure`, and that the bytes of every dataset have its checksum.
    ///
    /// - Parameter complaint: says what is wrong with some of a dataset's numbers, which it gets as they pass by, piece by piece; nil where nothing is.
    package func verifyContents(
        _ complaint: (_ place: String, _ numbers: UnsafeRawBufferPointer) -> String? = { _, _ in nil }
    ) throws(StorageError) {
        try withFile { (file) throws(StorageError) in
            let datasets = try self.datasets(file), bytes = try ReadableFile(path: path)
            try verify(datasets)
            for place in datasets { try verifyBytes(place, bytes, complaint) }
        }
    }

    /// The paths of all datasets. Each object must be reached by one link, so that the walk ends.
    private func datasets(_ file: hid_t) throws(StorageError) -> [String] {
        var datasets: [String] = [], groups = ["/"]
        while let place = groups.popLast() {
            let group = HDF5Handle(try check(H5Gopen2(file, place, heal_h5_default()), place, "open the group"), H5Gclose)
            for name in try children(of: place) {
                let inner = place == "/" ? name : "\(place)/\(name)"
                var link = heal_h5_link()
                try check(heal_h5_link_at(group.id, name, &link), inner, "follow the link")
                guard link.is_hard != 0 else { throw refusal(inner, "is a link to another place or file") }
                guard link.references == 1 else { throw refusal(inner, "has \(link.references) names") }
                guard link.is_group != 0 || link.is_dataset != 0 else { throw refusal(inner, "is neither a group nor a dataset") }
                guard link.is_group != 0 else { datasets.append(inner); continue }
                guard inner.count(where: { $0 == "/" }) < Self.deepest else { throw refusal(inner, "is a group below \(Self.deepest) others") }
                groups.append(inner)
            }
        }
        return datasets
    }

    /// Ours are three deep, such as `model/mpo/M`. Each way down costs a look-up of all groups on it.
    private static let deepest = 8

    private func refusal(_ place: String, _ message: String) -> StorageError {
        StorageError(.malformed, file: path, place: place, "\(message); this program writes no such thing, and does not read it")
    }

    private func verify(_ datasets: [String]) throws(StorageError) {
        let bytes = FileSystem.identity(of: path)?.bytes ?? 0
        for place in datasets {
            try withDataset(place) { (dataset) throws(StorageError) in
                let range = try storage(dataset, place)
                guard range.upperBound <= bytes else { throw StorageError(.malformed, file: path, place: place, "lies beyond the end of the file") }
            }
        }
    }

    /// Where a dataset's bytes are in the file: in one piece, as they are, and as many as its shape says.
    private func storage(_ dataset: hid_t, _ place: String) throws(StorageError) -> Range<Int> {
        let creation = HDF5Handle(try check(H5Dget_create_plist(dataset), place, "examine the dataset"), H5Pclose)
        guard H5Pget_layout(creation.id) == H5D_CONTIGUOUS, H5Pget_external_count(creation.id) == 0 else {
            throw refusal(place, "is not stored in one piece")
        }
        let type = HDF5Handle(try check(H5Dget_type(dataset), place, "examine the type"), H5Tclose), kind = H5Tget_class(type.id)
        guard [H5T_INTEGER, H5T_FLOAT, H5T_STRING].contains(kind) else { throw refusal(place, "holds neither numbers nor text") }
        let shape = try shape(dataset, place), isVariable = kind == H5T_STRING && H5Tis_variable_str(type.id) > 0
        let width = isVariable ? Self.textReference : H5Tget_size(type.id), stored = Int(clamping: H5Dget_storage_size(dataset))
        guard let count = StoredTensor.elementCount(shape), count.multipliedReportingOverflow(by: width) == (stored, false) else {
            throw StorageError(.malformed, file: path, place: place, "has the shape \(shape), but \(stored) bytes are stored")
        }
        if stored == 0 { return 0..<0 }
        guard let start = Int(exactly: H5Dget_offset(dataset)), start >= 0, start <= Int.max - stored else {
            throw StorageError(.malformed, file: path, place: place, "is nowhere in the file")
        }
        return start..<start + stored
    }

    /// What is stored of a text of variable length: its length, and where it is.
    private static let textReference = 16

    private func verifyBytes(
        _ place: String, _ bytes: ReadableFile, _ complaint: (String, UnsafeRawBufferPointer) -> String?
    ) throws(StorageError) {
        let isText = try withDataset(place) { (dataset) throws(StorageError) in
            let type = HDF5Handle(try check(H5Dget_type(dataset), place, "examine the type"), H5Tclose)
            if H5Tget_class(type.id) == H5T_STRING { return true }
            var checksum = Checksum(), found: String?
            try bytes.forEachPiece(storage(dataset, place)) { piece in
                checksum.add(piece)
                if found == nil { found = complaint(place, piece) }
            }
            try verify(checksum, dataset, place)
            if let found { throw StorageError(.malformed, file: path, place: place, found) }
            return false
        }
        if isText { _ = try readText(place) }
    }
}
