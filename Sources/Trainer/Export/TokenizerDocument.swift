import Basics
import HealData
import Storage

/// `tokenizer.json` and `tokenizer_config.json` for a vocabulary that came without, such that the `tokenizers` library gives the same ids.
struct TokenizerDocument {
    let vocabulary: GGUFVocabulary
    private let parts: Parts

    /// What differs between the kinds of tokenizer: members of the file, and how merges are found.
    struct Parts {
        var normalizer: JSONValue = .null
        var preTokenizer: JSONValue = .null
        var decoder: JSONValue = .null
        var offsets: JSONValue = .null
        var wholeWords = false
        var byteFallback = false
        var merges: [[UInt8]] = []
        var addsBos = false
        var addsEos = false
    }

    /// nil for kinds that this cannot express.
    init?(_ vocabulary: GGUFVocabulary) {
        let parts: Parts?
        switch vocabulary.model {
        case "gpt2": parts = .byteLevel(vocabulary)
        case "llama": parts = .sentencePiece(vocabulary)
        default: parts = nil
        }
        guard let parts, !vocabulary.tokens.isEmpty else { return nil }
        self.vocabulary = vocabulary
        self.parts = parts
    }

    func files(chatTemplate: String?) -> CompanionFiles {
        var files = CompanionFiles()
        files.contents["tokenizer.json"] = tokenizer
        files.contents["tokenizer_config.json"] = Array((configuration(chatTemplate).text() + "\n").utf8)
        return files
    }

    private func name(_ id: Int32?) -> String? {
        guard let id, vocabulary.tokens.indices.contains(Int(id)) else { return nil }
        return String(decoding: vocabulary.tokens[Int(id)], as: UTF8.self)
    }

    private func configuration(_ chatTemplate: String?) -> JSONValue {
        // The class that all versions load as the file says; the family's own classes of version 5 rebuild the tokenizer their way.
        var members: [String: JSONValue] = ["tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false]
        let special = vocabulary.special
        for (key, id) in [("bos_token", special.bos), ("eos_token", special.eos), ("pad_token", special.pad), ("unk_token", special.unk)] {
            if let name = name(id) { members[key] = .string(name) }
        }
        if let chatTemplate { members["chat_template"] = .string(chatTemplate) }
        return .object(members)
    }

    private var addedTokens: JSONValue {
        .array(
            vocabulary.tokens.indices.compactMap { id in
                let kind = vocabulary.kind(id)
                guard [.control, .userDefined, .unknown].contains(kind), !vocabulary.tokens[id].isEmpty else { return nil }
                return [
                    "id": .int(id), "content": .string(name(Int32(id))!), "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": .bool(kind != .userDefined),
                ]
            })
    }

    /// Puts the first and last token around a text.
    private var postProcessor: JSONValue {
        let bos = parts.addsBos ? name(vocabulary.special.bos) : nil, eos = parts.addsEos ? name(vocabulary.special.eos) : nil
        guard bos != nil || eos != nil else { return parts.offsets }
        func sequence(_ id: String, _ type: Int) -> [JSONValue] {
            func token(_ name: String?) -> [JSONValue] { name.map { [["SpecialToken": ["id": .string($0), "type_id": .int(type)]]] } ?? [] }
            return token(bos) + [["Sequence": ["id": .string(id), "type_id": .int(type)]]] + token(eos)
        }
        var tokens: [String: JSONValue] = [:]
        for (name, id) in [(bos, vocabulary.special.bos), (eos, vocabulary.special.eos)] {
            if let name, let id { tokens[name] = ["id": .string(name), "ids": [.int(Int(id))], "tokens": [.string(name)]] }
        }
        let template: JSONValue = [
            "type": "TemplateProcessing", "single": .array(sequence("A", 0)), "pair": .array(sequence("A", 0) + sequence("B", 1)),
            "special_tokens": .object(tokens),
        ]
        return parts.offsets.isNull ? template : ["type": "Sequence", "processors": [parts.offsets, template]]
    }

    /// Vocabularies are large, so they are written as bytes directly, in the order of ids.
    private var tokenizer: [UInt8] {
        let members: [(String, JSONValue)] = [
            ("version", "1.0"), ("truncation", .null), ("padding", .null), ("added_tokens", addedTokens), ("normalizer", parts.normalizer),
            ("pre_tokenizer", parts.preTokenizer), ("post_processor", postProcessor), ("decoder", parts.decoder),
        ]
        var out = JSONBytes()
        out.raw("{")
        for (key, value) in members { out.raw("\"\(key)\":\(value.text(indented: false)),\n") }
        let unknown: JSONValue = vocabulary.model == "llama" ? name(vocabulary.special.unk).map { .string($0) } ?? .null : .null
        out.raw("\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\(unknown.text(indented: false)),")
        out.raw("\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":\(vocabulary.model == "llama"),")
        out.raw("\"byte_fallback\":\(parts.byteFallback),\"ignore_merges\":\(parts.wholeWords),\n\"vocab\":{")
        var first = true, seen = Set<[UInt8]>()
        for (id, token) in vocabulary.tokens.enumerated() where !token.isEmpty && seen.insert(token).inserted {
            out.raw(first ? "\n" : ",\n")
            first = false
            out.string(token)
            out.raw(":\(id)")
        }
        out.raw("},\n\"merges\":[")
        for (rank, merge) in parts.merges.enumerated() {
            out.raw(rank == 0 ? "\n" : ",\n")
            out.string(merge)
        }
        out.raw("]}}\n")
        return out.bytes
    }
}

/// JSON text as it grows.
private struct JSONBytes {
    var bytes: [UInt8] = []

    mutating func raw(_ text: String) { bytes += text.utf8 }

    mutating func string(_ text: [UInt8]) {
        bytes.append(0x22)
        for byte in text {
            switch byte {
            case 0x22, 0x5C: bytes += [0x5C, byte]
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                raw("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }
}

/// `token_type` of a GGUF.
enum TokenKind: Int32 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
}

extension GGUFVocabulary {
    func kind(_ id: Int) -> TokenKind { tokenTypes.indices.contains(id) ? TokenKind(rawValue: tokenTypes[id]) ?? .normal : .normal }
}
