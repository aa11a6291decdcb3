import Basics
import CHDF5
import Foundation

/// Scalar attributes of groups and datasets, and texts. "/" is the root.
extension HDF5File {
    package func setAttribute(_ name: String, _ value: Int, at place: String) throws(StorageError) {
        try withObject(place) { (object) throws(StorageError) in
            try writeScalar(Int64(value), type: Int64.hdf5Type, name: name, on: object, place)
        }
    }

    package func setAttribute(_ name: String, _ value: Double, at place: String) throws(StorageError) {
        try withObject(place) { (object) throws(StorageError) in
            try writeScalar(value, type: Double.hdf5Type, name: name, on: object, place)
        }
    }

    /// A string of variable length in UTF-8, as h5py writes them.
    package func setAttribute(_ name: String, _ value: String, at place: String) throws(StorageError) {
        try requireNoNull(value, place)
        try withObject(place) { (object) throws(StorageError) in
            let type = try stringType(place)
            try withPointerToCString(value) { (pointer) throws(StorageError) in
                try writeAttribute(pointer, type: type.id, name: name, on: object, place)
            }
        }
    }

    /// nil where there is no such attribute; an error where it is no whole number.
    package func intAttribute(_ name: String, at place: String) throws(StorageError) -> Int? {
        try withObject(place) { (object) throws(StorageError) in try readInteger(name: name, on: object, place).map { Int($0) } }
    }

    package func doubleAttribute(_ name: String, at place: String) throws(StorageError) -> Double? {
        try withObject(place) { (object) throws(StorageError) in
            try readScalar(0.0, classes: [H5T_FLOAT, H5T_INTEGER], type: Double.hdf5Type, name: name, on: object, place)
        }
    }

    package func stringAttribute(_ name: String, at place: String) throws(StorageError) -> String? {
        try withObject(place) { (object) throws(StorageError) in
            guard try check(H5Aexists(object, name), place, "look up the attribute \(name)") > 0 else { return nil }
            let attribute = HDF5Handle(try check(H5Aopen(object, name, heal_h5_default()), place, "open the attribute \(name)"), H5Aclose)
            let space = HDF5Handle(try check(H5Aget_space(attribute.id), place, "examine the attribute \(name)"), H5Sclose)
            let type = HDF5Handle(try check(H5Aget_type(attribute.id), place, "examine the attribute \(name)"), H5Tclose)
            return try readString(type: type.id, space: space.id, "\(place)@\(name)") { H5Aread(attribute.id, $0, $1) }
        }
    }

    /// A scalar dataset that holds one text in UTF-8, with its checksum: for documents such as a configuration.
    package func writeText(_ text: String, at place: String) throws(StorageError) {
        try requireNoNull(text, place)
        try withFile { (file) throws(StorageError) in
            if try self.exists(place, in: file) { throw StorageError(.mismatch, file: path, place: place, "exists already") }
            let type = try stringType(place), space = try dataspace([], place), links = try linkList(place)
            let creation = HDF5Handle(try check(heal_h5_dataset_create_list(), place, "prepare"), H5Pclose)
            try check(H5Pset_obj_track_times(creation.id, false), place, "prepare")
            let dataset = HDF5Handle(
                try check(H5Dcreate2(file, place, type.id, space.id, links.id, creation.id, heal_h5_default()), place, "create the text"), H5Dclose)
            let (target, kind) = (dataset.id, type.id)
            try withPointerToCString(text) { (pointer) throws(StorageError) in
                let all = heal_h5_all()
                try check(H5Dwrite(target, kind, all, all, heal_h5_default(), pointer), place, "write the text")
            }
            try writeScalar(checksum(text), type: UInt32.hdf5Type, name: Self.checksumName, on: target, place)
            try close(dataset, place)
        }
    }

    package func readText(_ place: String) throws(StorageError) -> String {
        try withDataset(place) { (dataset) throws(StorageError) in
            let space = HDF5Handle(try check(H5Dget_space(dataset), place, "examine the text"), H5Sclose)
            let type = HDF5Handle(try check(H5Dget_type(dataset), place, "examine the text"), H5Tclose)
            let all = heal_h5_all()
            let text = try readString(type: type.id, space: space.id, place) { H5Dread(dataset, $0, all, all, heal_h5_default(), $1) }
            var checksum = Checksum()
            Array(text.utf8).withUnsafeBytes { checksum.add($0) }
            try verify(checksum, dataset, place)
            return text
        }
    }

    // MARK: Parts

    private func withObject<Result>(_ place: String, _ body: (hid_t) throws(StorageError) -> Result) throws(StorageError) -> Result {
        try withFile { (file) throws(StorageError) in
            guard try self.exists(place, in: file) else { throw missing(place, "there is no such group or dataset") }
            let object = HDF5Handle(try check(H5Oopen(file, place, heal_h5_default()), place, "open"), H5Oclose)
            let result = try body(object.id)
            try check(object.close(), place, "close")
            return result
        }
    }

    func writeScalar<Value: BitwiseCopyable>(
        _ value: Value, type: hid_t, name: String, on object: hid_t, _ place: String
    ) throws(StorageError) {
        var copy = value
        try withUnsafePointer(to: &copy) { (pointer) throws(StorageError) in
            try writeAttribute(pointer, type: type, name: name, on: object, place)
        }
    }

    private func writeAttribute(
        _ pointer: UnsafeRawPointer, type: hid_t, name: String, on object: hid_t, _ place: String
    ) throws(StorageError) {
        if try check(H5Aexists(object, name), place, "look up the attribute \(name)") > 0 {
            try check(H5Adelete(object, name), place, "replace the attribute \(name)")
        }
        let space = try dataspace([], place)
        let attribute = HDF5Handle(
            try check(H5Acreate2(object, name, type, space.id, heal_h5_default(), heal_h5_default()), place, "create the attribute \(name)"), H5Aclose)
        try check(H5Awrite(attribute.id, type, pointer), place, "write the attribute \(name)")
        try close(attribute, place)
    }

    func readInteger(name: String, on object: hid_t, _ place: String) throws(StorageError) -> Int64? {
        try readScalar(Int64(0), classes: [H5T_INTEGER], type: Int64.hdf5Type, name: name, on: object, place)
    }

    private func readScalar<Value: BitwiseCopyable>(
        _ zero: Value, classes: [H5T_class_t], type: hid_t, name: String, on object: hid_t, _ place: String
    ) throws(StorageError) -> Value? {
        guard try check(H5Aexists(object, name), place, "look up the attribute \(name)") > 0 else { return nil }
        let attribute = HDF5Handle(try check(H5Aopen(object, name, heal_h5_default()), place, "open the attribute \(name)"), H5Aclose)
        let space = HDF5Handle(try check(H5Aget_space(attribute.id), place, "examine the attribute \(name)"), H5Sclose)
        let stored = HDF5Handle(try check(H5Aget_type(attribute.id), place, "examine the attribute \(name)"), H5Tclose)
        guard classes.contains(H5Tget_class(stored.id)), H5Sget_simple_extent_npoints(space.id) == 1 else {
            throw StorageError(.mismatch, file: path, place: "\(place)@\(name)", "is not a single number of the expected kind")
        }
        var value = zero
        try check(H5Aread(attribute.id, type, &value), place, "read the attribute \(name)")
        return value
    }

    private func stringType(_ place: String) throws(StorageError) -> HDF5Handle {
        let type = HDF5Handle(try check(H5Tcopy(heal_h5_c_string()), place, "prepare a text"), H5Tclose)
        try check(H5Tset_size(type.id, heal_h5_variable()), place, "prepare a text")
        try check(H5Tset_cset(type.id, H5T_CSET_UTF8), place, "prepare a text")
        return type
    }

    /// One string, of variable or fixed length. `read` takes the memory type and the buffer.
    private func readString(
        type: hid_t, space: hid_t, _ place: String, _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
    ) throws(StorageError) -> String {
        guard H5Tget_class(type) == H5T_STRING, H5Sget_simple_extent_npoints(space) == 1 else {
            throw StorageError(.mismatch, file: path, place: place, "is not a single text")
        }
        let text: String?
        if H5Tis_variable_str(type) > 0 {
            var pointer: UnsafeMutablePointer<CChar>?
            try check(read(type, &pointer), place, "read the text")
            text = pointer.map { String(validatingCString: $0) } ?? ""
            H5Dvlen_reclaim(type, space, heal_h5_default(), &pointer)
        } else {
            guard H5Tget_size(type) <= Self.longestFixedText else { throw StorageError(.malformed, file: path, place: place, "claims to be a text without end") }
            var buffer = [UInt8](repeating: 0, count: H5Tget_size(type))
            let status = buffer.withUnsafeMutableBytes { $0.baseAddress.map { read(type, $0) } ?? 0 }
            try check(status, place, "read the text")
            text = String(validating: buffer.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard let text else { throw StorageError(.malformed, file: path, place: place, "is not valid UTF-8") }
        return text
    }

    /// Texts that other programs write with a fixed length are short; a longer one is a damaged length.
    private static let longestFixedText = 1 << 26

    private func withPointerToCString(_ text: String, _ body: (UnsafeRawPointer) throws(StorageError) -> Void) throws(StorageError) {
        try text.utf8CString.withUnsafeBufferPointer { (characters) throws(StorageError) in
            var pointer = characters.baseAddress
            try withUnsafePointer(to: &pointer) { (pointer) throws(StorageError) in try body(pointer) }
        }
    }

    private func requireNoNull(_ text: String, _ place: String) throws(StorageError) {
        guard !text.utf8.contains(0) else { throw StorageError(.mismatch, file: path, place: place, "a text with a null character cannot be stored") }
    }

    private func checksum(_ text: String) -> UInt32 {
        var checksum = Checksum()
        Array(text.utf8).withUnsafeBytes { checksum.add($0) }
        return checksum.value
    }
}
