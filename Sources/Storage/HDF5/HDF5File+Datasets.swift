import Basics
import CHDF5

extension HDF5File {
    /// Writes a dataset straight from memory, without a copy, and its checksum. An empty `shape` is a scalar.
    package func write<Element: HDF5Element>(
        _ values: UnsafeBufferPointer<Element>, shape: [Int], at place: String
    ) throws(StorageError) {
        guard StoredTensor.elementCount(shape) == values.count else {
            throw StorageError(.mismatch, file: path, place: place, "\(values.count) values do not fill the shape \(shape)")
        }
        try withFile { (file) throws(StorageError) in
            if try self.exists(place, in: file) { throw StorageError(.mismatch, file: path, place: place, "exists already") }
            let space = try dataspace(shape, place)
            let links = try linkList(place)
            let creation = HDF5Handle(try check(heal_h5_dataset_create_list(), place, "prepare"), H5Pclose)
            // Equal content gives equal files.
            try check(H5Pset_obj_track_times(creation.id, false), place, "prepare")
            let dataset = HDF5Handle(
                try check(
                    H5Dcreate2(file, place, Element.hdf5Type, space.id, links.id, creation.id, heal_h5_default()), place, "create the dataset"),
                H5Dclose)
            if let start = values.baseAddress, !values.isEmpty {
                let all = heal_h5_all()
                try check(H5Dwrite(dataset.id, Element.hdf5Type, all, all, heal_h5_default(), start), place, "write the dataset")
            }
            let checksum = Checksum(of: UnsafeRawBufferPointer(values))
            try writeScalar(checksum.value, type: UInt32.hdf5Type, name: Self.checksumName, on: dataset.id, place)
            try close(dataset, place)
        }
    }

    package func write<Element: HDF5Element>(_ values: [Element], shape: [Int]? = nil, at place: String) throws(StorageError) {
        try values.withUnsafeBufferPointer { (buffer) throws(StorageError) in
            try write(buffer, shape: shape ?? [values.count], at: place)
        }
    }

    /// Bytes of `Element`s that some other code owns.
    package func write<Element: HDF5Element>(
        bytes: UnsafeRawBufferPointer, as type: Element.Type, shape: [Int], at place: String
    ) throws(StorageError) {
        guard bytes.count % MemoryLayout<Element>.stride == 0 else {
            throw StorageError(.mismatch, file: path, place: place, "\(bytes.count) bytes are not whole elements")
        }
        let start = bytes.baseAddress?.assumingMemoryBound(to: Element.self)
        try write(UnsafeBufferPointer(start: start, count: bytes.count / MemoryLayout<Element>.stride), shape: shape, at: place)
    }

    /// The shape of a dataset; empty for a scalar.
    package func shape(of place: String) throws(StorageError) -> [Int] {
        try withDataset(place) { (dataset) throws(StorageError) in try shape(dataset, place) }
    }

    /// The whole dataset into `target`, whose count must fit; the stored type must be `Element` and the checksum right.
    package func read<Element: HDF5Element>(_ place: String, into target: UnsafeMutableBufferPointer<Element>) throws(StorageError) {
        try withDataset(place) { (dataset) throws(StorageError) in
            try requireType(Element.self, dataset, place)
            let shape = try shape(dataset, place)
            guard StoredTensor.elementCount(shape) == target.count else {
                throw StorageError(.mismatch, file: path, place: place, "has the shape \(shape), but a buffer of \(target.count) was given")
            }
            if let start = target.baseAddress, !target.isEmpty {
                let all = heal_h5_all()
                try check(H5Dread(dataset, Element.hdf5Type, all, all, heal_h5_default(), start), place, "read the dataset")
            }
            try verify(Checksum(of: UnsafeRawBufferPointer(target)), dataset, place)
        }
    }

    package func read<Element: HDF5Element>(_ place: String, as type: Element.Type = Element.self) throws(StorageError) -> [Element] {
        let (count, stored) = try withDataset(place) { (dataset) throws(StorageError) in
            try requireType(Element.self, dataset, place)
            return (StoredTensor.elementCount(try shape(dataset, place)), Int(clamping: H5Dget_storage_size(dataset)))
        }
        // Before memory is taken on the file's word, the file must hold as many bytes.
        guard let count, count <= stored / MemoryLayout<Element>.stride else {
            throw StorageError(.malformed, file: path, place: place, "claims more elements than the file stores")
        }
        var failure: StorageError?
        let values = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(StorageError) {
                try read(place, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }

    /// Elements `range` of a dataset with one axis. Its checksum covers the whole, so what is read must be compared with something else.
    package func read<Element: HDF5Element>(_ place: String, _ range: Range<Int>, as type: Element.Type = Element.self) throws(StorageError) -> [Element] {
        try withDataset(place) { (dataset) throws(StorageError) in
            try requireType(Element.self, dataset, place)
            let shape = try shape(dataset, place)
            guard shape.count == 1, range.lowerBound >= 0, range.upperBound <= shape[0],
                range.upperBound <= Int(clamping: H5Dget_storage_size(dataset)) / MemoryLayout<Element>.stride
            else {
                throw StorageError(.mismatch, file: path, place: place, "has the shape \(shape), but elements \(range) were asked for")
            }
            if range.isEmpty { return [] }
            let space = HDF5Handle(try check(H5Dget_space(dataset), place, "examine the shape"), H5Sclose)
            let start = [hsize_t(range.lowerBound)], count = [hsize_t(range.count)]
            try check(H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, count, nil), place, "choose \(range)")
            let target = try dataspace([range.count], place)
            let values = [Element](unsafeUninitializedCapacity: range.count) { buffer, initialized in
                let status = H5Dread(dataset, Element.hdf5Type, target.id, space.id, heal_h5_default(), buffer.baseAddress!)
                initialized = status < 0 ? 0 : range.count
            }
            guard values.count == range.count else { try check(-1, place, "read \(range) of the dataset"); return [] }
            return values
        }
    }

    // MARK: Parts

    func withDataset<Result>(_ place: String, _ body: (hid_t) throws(StorageError) -> Result) throws(StorageError) -> Result {
        try withFile { (file) throws(StorageError) in
            guard try self.exists(place, in: file) else { throw missing(place, "there is no such dataset") }
            let dataset = HDF5Handle(try check(H5Dopen2(file, place, heal_h5_default()), place, "open the dataset"), H5Dclose)
            let result = try body(dataset.id)
            try check(dataset.close(), place, "close the dataset")
            return result
        }
    }

    func dataspace(_ shape: [Int], _ place: String) throws(StorageError) -> HDF5Handle {
        if shape.isEmpty { return HDF5Handle(try check(H5Screate(H5S_SCALAR), place, "describe the shape"), H5Sclose) }
        let dimensions = shape.map { hsize_t($0) }
        return HDF5Handle(try check(H5Screate_simple(Int32(shape.count), dimensions, nil), place, "describe the shape \(shape)"), H5Sclose)
    }

    func shape(_ dataset: hid_t, _ place: String) throws(StorageError) -> [Int] {
        let space = HDF5Handle(try check(H5Dget_space(dataset), place, "examine the shape"), H5Sclose)
        let rank = try check(H5Sget_simple_extent_ndims(space.id), place, "examine the shape")
        var dimensions = [hsize_t](repeating: 0, count: Int(rank))
        try check(H5Sget_simple_extent_dims(space.id, &dimensions, nil), place, "examine the shape")
        return dimensions.map { Int(clamping: $0) }
    }

    private func requireType<Element: HDF5Element>(_: Element.Type, _ dataset: hid_t, _ place: String) throws(StorageError) {
        let type = HDF5Handle(try check(H5Dget_type(dataset), place, "examine the type"), H5Tclose)
        guard try check(H5Tequal(type.id, Element.hdf5Type), place, "compare types") > 0 else {
            throw StorageError(.mismatch, file: path, place: place, "does not hold elements of type \(Element.self)")
        }
    }

    func verify(_ checksum: Checksum, _ dataset: hid_t, _ place: String) throws(StorageError) {
        guard let stored = try readInteger(name: Self.checksumName, on: dataset, place) else {
            throw StorageError(.checksum, file: path, place: place, "has no checksum (attribute \(Self.checksumName))")
        }
        guard stored == Int64(checksum.value) else {
            throw StorageError(.checksum, file: path, place: place, "is damaged: its checksum does not match its content")
        }
    }
}
