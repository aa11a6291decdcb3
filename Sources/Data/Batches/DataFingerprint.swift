/// What the sequence of batches depends on, for telling whether a saved position still means the same samples.
package struct DataFingerprint: Sendable, Codable, Equatable {
    package struct File: Sendable, Codable, Equatable {
        /// For messages; a file may move.
        package var path: String
        package var rows: Int
        package var bytes: Int
        /// Of all bytes, decompressed, in hexadecimal.
        package var content: String
        package var format: DataFormat
        /// nil where all have the names of their fields.
        package var columns: [String: String]?
        package var split: DatasetFile.Split
        package var weight: Double?

        package static func == (a: File, b: File) -> Bool { a.contentMatches(b) && a.format == b.format && a.columns == b.columns && a.split == b.split && a.weight == b.weight }

        func contentMatches(_ other: File) -> Bool { rows == other.rows && bytes == other.bytes && content == other.content }
    }

    package var files: [File]
    /// What each option is, by its name in the configuration.
    package var options: [String: String]

    /// What differs from `saved`, in words with both values; empty where a position saved there can be gone on from.
    package func differences(from saved: DataFingerprint) -> [String] { differencesByKey(from: saved).map(\.text) }

    /// The same with the keys of the configuration that they are about.
    package func differencesByKey(from saved: DataFingerprint) -> [(key: String, text: String)] {
        fileDifferences(from: saved).map { ("datasets", $0) } + optionDifferences(from: saved)
    }

    private func fileDifferences(from saved: DataFingerprint) -> [String] {
        var found: [String] = []
        if files.count != saved.files.count {
            found.append("`datasets` has \(files.count) files, had \(saved.files.count)")
        }
        for (now, before) in zip(files, saved.files) where now != before {
            if !now.contentMatches(before) {
                found.append("\(now.path) has changed: \(now.rows) rows in \(now.bytes) bytes, had \(before.rows) in \(before.bytes)")
            }
            if now.format != before.format { found.append("\(now.path) is read as `\(now.format.rawValue)`, was `\(before.format.rawValue)`") }
            if now.columns != before.columns { found.append("\(now.path) is read with other `columns`") }
            if now.split != before.split { found.append("\(now.path) has the split `\(now.split.rawValue)`, had `\(before.split.rawValue)`") }
            if now.weight != before.weight { found.append("\(now.path) has the weight \(Self.words(now.weight)), had \(Self.words(before.weight))") }
        }
        return found
    }

    private func optionDifferences(from saved: DataFingerprint) -> [(key: String, text: String)] {
        Set(options.keys).union(saved.options.keys).sorted().filter { options[$0] != saved.options[$0] }.map { name in
            (name, "`\(name)` is \(options[name] ?? "not set"), was \(saved.options[name] ?? "not set")")
        }
    }

    private static func words(_ weight: Double?) -> String { weight.map { "\($0)" } ?? "none" }
}

extension Dataset {
    /// Made anew on each call, from what was read when the files were opened.
    package var fingerprint: DataFingerprint {
        let files = sources.map { source in
            DataFingerprint.File(
                path: source.file.path, rows: source.rows.rowCount, bytes: source.rows.byteCount,
                content: String(source.rows.contentHash, radix: 16), format: source.format, columns: source.file.columns.byField.isEmpty ? nil : source.file.columns.byField,
                split: source.file.split, weight: source.file.weight)
        }
        let heldBack = switch options.heldBack {
        case .fraction(let part): "\(part)"
        case .count(let count): "\(count)"
        }
        return DataFingerprint(files: files, options: [
            "chat_template": encoder.template.identity,
            "data_seed": "\(options.seed)",
            "max_seq_length": "\(encoder.maxLength)",
            "on_bad_line": options.onBadLine.rawValue,
            "packing": "\(options.packing)",
            "packing_window": "\(options.packingWindow)",
            "tokenizer": encoder.tokenizer.contentHash,
            "train_on_prompt": "\(encoder.trainOnPrompt)",
            "val_size": heldBack,
        ])
    }
}

extension Tokenizer {
    /// Tells tokenizers apart: a hash of the vocabulary, the special tokens and how a few hard texts come out.
    var contentHash: String {
        var hash = ContentHash()
        for id in 0..<Int32(vocabularySize) { hash.combine(token(id) ?? "") }
        for id in [special.bos, special.eos, special.pad, special.unk] { hash.combine(UInt64(bitPattern: Int64(id ?? -1))) }
        hash.combine(UInt64((addsBos ? 1 : 0) | (addsEos ? 2 : 0)))
        for id in encode(" Ünïcödé  don't\n\n\t12345 + 67,89 = 日本語 🙂\u{2028}</s><|im_end|> x") { hash.combine(UInt64(bitPattern: Int64(id))) }
        return String(hash.value, radix: 16)
    }
}
