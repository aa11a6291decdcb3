import Basics
import HealData
import Storage

extension TokenizerDocument.Parts {
    /// Byte-level BPE (GPT-2's), with the cut that `pre` names. nil for an unknown cut.
    ///
    /// The names and cuts are those that `GGUFVocabulary.tokenizer` knows.
    static func byteLevel(_ vocabulary: GGUFVocabulary) -> Self? {
        var parts = Self()
        switch vocabulary.pre {
        case "gpt-2", "gpt2", "mpt", "olmo", "phi-2":
            parts.preTokenizer = bytes(cut: true)
        case "smollm":
            parts.preTokenizer = sequence([["type": "Digits", "individual_digits": true], bytes(cut: true)])
        case "llama-bpe", "llama3", "llama-v3", "falcon3":
            parts.preTokenizer = sequence([split(llama3), bytes(cut: false)])
            parts.wholeWords = true
        case "qwen2", "deepseek-r1-qwen", "stablelm2":
            parts.normalizer = ["type": "NFC"]
            parts.preTokenizer = sequence([split(qwen2), bytes(cut: false)])
        case nil, "default":
            parts.preTokenizer = sequence(unnamed.map(split) + [bytes(cut: false)])
        default:
            return nil
        }
        parts.decoder = ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
        parts.offsets = ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true]
        parts.merges = vocabulary.merges.filter { !$0.isEmpty && !$0.starts(with: Array("#version".utf8)) }
        parts.addsBos = vocabulary.addBos ?? false
        parts.addsEos = vocabulary.addEos ?? false
        return parts
    }

    private static func bytes(cut: Bool) -> JSONValue {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .bool(cut)]
    }

    private static func split(_ pattern: String) -> JSONValue {
        ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false]
    }

    private static func sequence(_ steps: [JSONValue]) -> JSONValue { ["type": "Sequence", "pretokenizers": .array(steps)] }

    private static let llama3 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let qwen2 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// What llama.cpp does for files that do not say how text is cut.
    private static let unnamed = [
        #"[\p{P}\$\+<=>\^~\|]+"#,
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#,
        #"\p{N}+"#,
        #"[0-9][0-9][0-9]"#,
    ]
}
