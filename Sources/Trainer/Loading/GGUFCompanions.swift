import Foundation
import HealData
import Storage

/// The tokenizer files a Hugging Face directory needs, made from what a GGUF file carries.
enum GGUFCompanions {
    static func files(_ values: GGUFTokenizer, vocabulary: GGUFVocabulary) throws -> CompanionFiles { CompanionFiles() }
}
