import HealData
import Storage

/// The tokenizer files a Hugging Face directory needs, made from what a GGUF file carries.
enum GGUFCompanions {
    /// `tokenizer.json` and `tokenizer_config.json`. Empty for a tokenizer that cannot be written so: the model can be used all the same, and
    /// `CompanionFiles.hasTokenizer` tells an export or a checkpoint.
    static func files(_ values: GGUFTokenizer, vocabulary: GGUFVocabulary) throws -> CompanionFiles {
        TokenizerDocument(vocabulary)?.files(chatTemplate: values.chatTemplate) ?? CompanionFiles()
    }
}
