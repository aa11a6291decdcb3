import Basics
import Foundation
import Storage

extension WeightSource {
    /// Whether a configuration ties the head to the embedding while the files have another head. transformers uses that head then.
    func contradictTie(of configuration: LlamaConfiguration) throws(StorageError) -> Bool {
        let head = LlamaNames.head + ".weight", embedding = LlamaNames.embedding + ".weight"
        guard configuration.tiesWordEmbeddings, contains(head), contains(embedding) else { return false }
        guard try shape(of: head) == shape(of: embedding) else { return true }
        if try elementType(of: head) == elementType(of: embedding), let a = try mapped(head), let b = try mapped(embedding),
            let first = a.baseAddress, let second = b.baseAddress
        {
            return a.count != b.count || memcmp(first, second, a.count) != 0
        }
        return try floats(head) != floats(embedding)
    }
}

extension LlamaConfiguration {
    /// Says everywhere, also in exports, that the head is a matrix of its own.
    mutating func untieWordEmbeddings() {
        tiesWordEmbeddings = false
        if !raw.isEmpty { raw["tie_word_embeddings"] = .bool(false) }
    }
}
