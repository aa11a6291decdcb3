import Foundation
import Trainer

/// A limit on the address space (`ulimit -v`). OpenBLAS and oneDNN map more than they use, and where they may not, they try for ever or crash.
enum AddressSpace {
    static func warnOfLimit() {
        guard let bytes = limit else { return }
        Console.warn([
            "the address space of this process is limited to \(HumanFormat.bytes(bytes)) (`ulimit -v`): the libraries for products reserve more than they use, and may hang "
                + "or crash; lift it with `ulimit -v unlimited`, and limit the memory itself (a control group, or the batch system's own limit)"
        ])
    }

    /// In bytes; nil where there is none, or it cannot be told.
    private static var limit: Int? {
        // The kernel's files have no size.
        let table = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        let row = table?.split(separator: "\n").first { $0.hasPrefix("Max address space") }
        return row?.dropFirst("Max address space".count).split(separator: " ").first.flatMap { Int($0) }
    }
}
