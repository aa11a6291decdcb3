import Basics
import Foundation

/// The memory of this process, as Linux tells it.
package enum ProcessMemory {
    /// Bytes in physical memory now; nil where `/proc` is not to be read.
    package static var resident: Int? {
        contents(of: "/proc/self/statm").flatMap { resident(statm: $0, pageSize: Int(sysconf(Int32(_SC_PAGESIZE)))) }
    }

    /// The most bytes in physical memory at any time so far.
    package static var peak: Int? {
        contents(of: "/proc/self/status").flatMap(peak(status:))
    }

    /// The second number of `statm` is the resident pages.
    static func resident(statm: String, pageSize: Int) -> Int? {
        let fields = statm.split(whereSeparator: \.isWhitespace)
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: pageSize)
        return overflow ? nil : bytes
    }

    /// The line `VmHWM:  123456 kB` ("high-water mark") of `status`.
    static func peak(status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }) else { return nil }
        let fields = line.split(whereSeparator: \.isWhitespace)
        guard fields.count == 3, fields[2] == "kB", let kibibytes = Int(fields[1]) else { return nil }
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }

    private static func contents(of path: String) -> String? {
        FileSystem.kernelText(path)
    }
}
