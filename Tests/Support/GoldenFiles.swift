import Foundation
import Kernels
import Storage

/// Numbers stored in `Tests/Golden`, each beside the script that made it.
package enum GoldenFiles {
    package static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The path of `Tests/Golden/<place>`.
    package static func path(_ place: String) -> String { repository.path + "/Tests/Golden/" + place }

    package static func json<T: Decodable>(_ place: String, as type: T.Type = T.self) throws -> T {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path(place))))
    }

    /// Every tensor of a safetensors file, in f32.
    package static func tensors(_ place: String) throws -> [String: Tensor] {
        let file = try SafetensorsDirectory(file: path(place))
        return try Dictionary(uniqueKeysWithValues: file.names.map { ($0, Tensor(try file.floats($0), try file.shape(of: $0))) })
    }

    /// A fresh directory, removed when `body` is through.
    package static func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("heal-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory.path)
    }
}

/// The largest distance between two lists, relative to the largest expected entry. Infinite where lengths differ or a number is none.
package func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count, found.allSatisfy(\.isFinite), !expected.isEmpty else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let distance = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    return scale > 0 ? distance / scale : (distance == 0 ? 0 : .infinity)
}

package func relativeError(_ found: Tensor, _ expected: Tensor) -> Double {
    found.shape == expected.shape ? relativeError(found.doubles(), expected.doubles()) : .infinity
}

package func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
    a.dtype == b.dtype && a.shape == b.shape && memcmp(a.base, b.base, a.byteCount) == 0
}
