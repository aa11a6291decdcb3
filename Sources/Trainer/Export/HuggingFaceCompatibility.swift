import Basics
import HealData
import Models
import Storage

/// What makes one directory load in old and new versions of transformers alike.
enum HuggingFaceCompatibility {
    /// `config.json`. Rotary parameters in the spelling of version 5 are repeated in the older one: versions before 5 do not know
    /// `rope_parameters` and would silently fall back to a base of 10000.
    static func configuration(_ configuration: LlamaConfiguration, dtype: ExportDType) -> JSONValue {
        var members = configuration.huggingFaceConfiguration(dtype: dtype.huggingFaceName).object ?? [:]
        members["torch_dtype"] = .string(dtype.huggingFaceName)
        guard var rope = members["rope_parameters"]?.object else { return .object(members) }
        if members["rope_theta"] == nil { members["rope_theta"] = .double(configuration.ropeTheta) }
        if members["rope_scaling"] == nil {
            rope["rope_theta"] = nil
            let type = (rope["rope_type"] ?? rope["type"])?.string ?? "default"
            members["rope_scaling"] = type == "default" ? .null : .object(rope)
        }
        return .object(members)
    }

    /// `tokenizer_config.json` as both understand it: the class that version 5 calls `TokenizersBackend`, which version 4 refuses, under its
    /// older name; and the chat template, which versions before 4.52 do not look for in a file of its own.
    static func tokenizerConfiguration(_ bytes: [UInt8], chatTemplate: String?) -> [UInt8] {
        guard let read = (try? JSONValue.parse(String(decoding: bytes, as: UTF8.self)))?.object else { return bytes }
        var members = read
        if let chatTemplate, members["chat_template"] == nil { members["chat_template"] = .string(chatTemplate) }
        if members["tokenizer_class"] == "TokenizersBackend" {
            members["tokenizer_class"] = "PreTrainedTokenizerFast"
            if let extra = members["extra_special_tokens"], extra.array != nil, members["additional_special_tokens"] == nil {
                members["additional_special_tokens"] = extra
                members["extra_special_tokens"] = nil
            }
        }
        return members == read ? bytes : Array((JSONValue.object(members).text() + "\n").utf8)
    }
}

extension CompanionFiles {
    /// Whether a tokenizer can be made of the files.
    package var hasTokenizer: Bool {
        contents["tokenizer.json"] != nil || contents["tokenizer.model"] != nil || (contents["vocab.json"] != nil && contents["merges.txt"] != nil)
    }
}

extension OpenedModel {
    /// The tokenizer's files as an export writes them: such that transformers gives the ids that this program gives.
    ///
    /// - Throws: `export` where the model brought none.
    func companionsForExport() throws -> CompanionFiles {
        var companions = companions
        guard companions.hasTokenizer else {
            throw HealError(
                .export, "\(path): the model's tokenizer cannot be written as Hugging Face files; set `tokenizer` to a directory that has tokenizer.json or tokenizer.model")
        }
        if let config = companions.contents["tokenizer_config.json"] {
            companions.contents["tokenizer_config.json"] = HuggingFaceCompatibility.tokenizerConfiguration(
                config, chatTemplate: companions.text("chat_template.jinja"))
        } else if companions.contents["tokenizer.json"] == nil, let model = companions.contents["tokenizer.model"],
            let vocabulary = GGUFVocabulary(sentencePiece: model)
        {
            // Alone, a tokenizer.model does not say how it is to be used: version 5 then leaves out the first token and the leading space.
            companions.contents.merge(TokenizerDocument(vocabulary)?.files(chatTemplate: nil).contents ?? [:]) { old, _ in old }
        }
        return companions
    }
}
