import Basics
import CHDF5

extension HDF5File {
    /// Of the library that is linked.
    package static var libraryVersion: String {
        var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
        do throws(StorageError) {
            try HDF5Library.locked { () throws(StorageError) in _ = H5get_libversion(&major, &minor, &release) }
        } catch { return "unknown" }
        return "\(major).\(minor).\(release)"
    }
}
