import COpenBLAS
import CShims

/// The libraries that products run on, as loaded.
package enum LibraryVersions {
    package static var oneDNN: String {
        var version: [Int32] = [0, 0, 0]
        heal_onednn_version(&version)
        return version.map(String.init).joined(separator: ".")
    }

    /// Version, options and the kernels chosen for this processor, as OpenBLAS puts it.
    package static var openBLAS: String { String(cString: openblas_get_config()) }

    /// The instructions that the fused loops use here.
    package static var loops: String { String(cString: heal_loops_instruction_set()) }
}
