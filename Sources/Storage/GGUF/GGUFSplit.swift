import Basics

/// A model that was split into several GGUF files, as `llama-gguf-split` does it: `name-00001-of-00003.gguf`, ….
///
/// Each part says its number (`split.no`, from 0), how many there are (`split.count`) and how many tensors they have together
/// (`split.tensors.count`).
package enum GGUFSplit {
    /// The parts of the model that the file at `path` belongs to, in order; that file alone where it is not split.
    static func parts(_ path: String) throws(StorageError) -> [GGUFPart] {
        let named = try GGUFPart(path: path)
        guard let count = named.metadata["split.count"]?.int, count > 1 else { return [named] }
        guard count <= 99_999, let name = Name(path), name.count == count else {
            let end = Name.ending((named.metadata["split.no"]?.int ?? 0) + 1, of: count)
            throw StorageError(
                .unsupported, file: path, place: "split.count",
                "is \(count): the file is a part of a model in \(count) files; its name must end with \(end), and the others must lie beside it")
        }
        let paths = (1...count).map(name.path)
        let missing = paths.filter { FileSystem.kind(of: $0) == nil }
        guard missing.isEmpty else {
            throw StorageError(
                .notFound, file: path,
                "is a part of a model in \(count) files, of which \(missing.count) are missing: \(missing.prefix(5).joined(separator: ", ")); download them")
        }
        var parts: [GGUFPart] = []
        for path in paths { parts.append(path == named.path ? named : try GGUFPart(path: path)) }
        try check(parts)
        return parts
    }

    /// Parts of different models, or of different splits of one, may lie under names that fit.
    private static func check(_ parts: [GGUFPart]) throws(StorageError) {
        for (number, part) in parts.enumerated() {
            for (key, value) in [("split.no", number), ("split.count", parts.count)] where part.metadata[key]?.int != value {
                let stated = part.metadata[key]?.int.map(String.init) ?? "missing"
                throw StorageError(.malformed, file: part.path, place: key, "is \(stated), but by its name \(value); the parts belong to different files")
            }
        }
        let total = parts.reduce(0) { $0 + $1.tensors.count }
        if let stated = parts[0].metadata["split.tensors.count"]?.int, stated != total {
            throw StorageError(
                .malformed, file: parts[0].path, place: "split.tensors.count",
                "is \(stated), but the \(parts.count) parts hold \(total) tensors; they belong to different files")
        }
    }

    /// Of several names in one directory, the first part where they are the parts of one model.
    package static func firstPart(of names: [String]) -> String? {
        guard let name = names.first.flatMap(Name.init), names.count <= name.count else { return nil }
        let parts = Set((1...name.count).map(name.path))
        return parts.isSuperset(of: names) ? names.sorted().first : nil
    }

    /// `…-00002-of-00003.gguf`, taken apart.
    private struct Name {
        let stem: String
        let count: Int

        init?(_ path: String) {
            let suffix = ".gguf", end = Self.ending(0, of: 0).utf8.count
            guard path.hasSuffix(suffix), path.utf8.count > end else { return nil }
            let digits = path.utf8.suffix(end).split { !(0x30...0x39).contains($0) }.map { String(decoding: $0, as: UTF8.self) }
            guard digits.count == 2, let number = Int(digits[0]), let count = Int(digits[1]), number >= 1, number <= count else { return nil }
            guard path.hasSuffix(Self.ending(number, of: count)) else { return nil }
            stem = String(decoding: path.utf8.dropLast(end), as: UTF8.self)
            self.count = count
        }

        func path(_ number: Int) -> String { stem + Self.ending(number, of: count) }

        static func ending(_ number: Int, of count: Int) -> String { "-\(padded(number))-of-\(padded(count)).gguf" }

        private static func padded(_ number: Int) -> String { String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number) }
    }
}
