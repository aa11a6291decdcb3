import Foundation

/// What processor this is, as `/proc/cpuinfo` says.
package struct ProcessorModel: Sendable {
    package let name: String
    /// The instruction sets that matter for products and loops.
    package let flags: [String]

    private static let telling = [
        "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve", "sve2",
        "bf16", "svebf16",
    ]

    package static var own: ProcessorModel { ProcessorModel((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "") }

    init(_ info: String) {
        func value(_ keys: String...) -> String? {
            for line in info.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                if parts.count == 2, keys.contains(parts[0]) { return parts[1] }
            }
            return nil
        }
        let all = Set((value("flags", "Features") ?? "").split(separator: " ").map(String.init))
        name = value("model name", "Hardware", "Model", "CPU part") ?? "unknown"
        flags = Self.telling.filter(all.contains)
    }
}
