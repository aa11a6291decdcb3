import Foundation

/// Reads the tiktoken form of Llama 3's `tokenizer.model`: a line `base64 rank` for each token; what merges first has the lower
/// rank. Special tokens are not in the file: 256 of them follow the last rank, by Llama 3's convention.
enum TiktokenModel {
    /// The names of Llama 3's special tokens, in the order of their ids.
    static let llama3Special: [String] = {
        let named = [
            "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
            "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
            "<|python_tag|>", "<|image|>",
        ]
        return named + (0..<256 - named.count).map { "<|reserved_special_token_\(2 + $0)|>" }
    }()

    /// Whether a file looks like this format rather than like a protocol buffer: its first line is base64, a space, a number.
    static func recognizes(_ bytes: [UInt8]) -> Bool {
        let line = bytes.prefix(1024).prefix { $0 != 0x0A }
        guard let space = line.firstIndex(of: 0x20), space > line.startIndex else { return false }
        let rank = line[(space + 1)...].filter { $0 != 0x0D }
        return !rank.isEmpty && rank.allSatisfy { (0x30...0x39).contains($0) }
            && line[..<space].allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || [0x2B, 0x2F, 0x3D].contains(byte)
            }
    }

    static func load(_ bytes: [UInt8], file: String, roles: SpecialRoles = SpecialRoles()) throws(TokenizerError) -> BPETokenizer {
        let tokens = try readTokens(bytes, file: file)
        let index = ByteStringIndex(tokens)
        var alphabet = [Int32](repeating: -1, count: 256)
        for byte in UInt8.min...UInt8.max {
            guard let id = index([byte]) else {
                throw TokenizerError(.malformed, file: file, "the byte \(byte) has no token, so not every text can be encoded")
            }
            alphabet[Int(byte)] = id
        }
        var added: [AddedToken] = []
        var spelled = tokens
        for (offset, name) in llama3Special.enumerated() {
            added.append(AddedToken(id: Int32(tokens.count + offset), content: Array(name.utf8)))
            spelled.append(name.utf8)
        }
        var roles = roles
        roles.bos = roles.bos ?? "<|begin_of_text|>"
        roles.eos = roles.eos ?? "<|end_of_text|>"
        roles.pad = roles.pad ?? "<|finetune_right_pad_id|>"
        roles.addBos = roles.addBos ?? true
        let special = try roles.resolve(BPEVocabulary(spelled), file: file, prefix: [], suffix: [])
        var parts = BPETokenizer.Parts(
            special: special.tokens, preTokenizer: .scanner(.cl100k(digits: 3)),
            model: BPEModel(
                alphabet: .bytes(alphabet), merges: MergeTable(merges(tokens, index)), unknowns: BPEModel.Unknowns(),
                tokenLimit: Int32.max, wholeWords: index),
            decoder: TokenDecoder(pieces: spelled, special: Set(added.map(\.id))), spelled: spelled)
        parts.addsBos = special.addsBos
        parts.addsEos = special.addsEos
        parts.rawAdded = added
        return BPETokenizer(parts)
    }

    /// The tokens by rank, which must run from 0 without a gap.
    private static func readTokens(_ bytes: [UInt8], file: String) throws(TokenizerError) -> ByteStrings {
        var byRank: [[UInt8]?] = []
        var rest = bytes[...]
        var number = 0
        while !rest.isEmpty {
            let line = rest.prefix { $0 != 0x0A }
            rest = rest.dropFirst(line.count + 1)
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { continue }
            func malformed(_ reason: String) -> TokenizerError {
                TokenizerError(.malformed, file: file, place: "line \(number)", reason)
            }
            let fields = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x0D })
            guard fields.count == 2, let token = Data(base64Encoded: Data(fields[0])), !token.isEmpty else {
                throw malformed("a token in base64 and its rank are expected")
            }
            guard let rank = Int(String(decoding: fields[1], as: UTF8.self)), rank >= 0, rank < min(bytes.count, Int(TokenizerLimits.ids))
            else {
                throw malformed("the rank is not a whole number below the number of tokens")
            }
            while byRank.count <= rank { byRank.append(nil) }
            guard byRank[rank] == nil else { throw malformed("the rank \(rank) occurs twice") }
            byRank[rank] = Array(token)
        }
        guard !byRank.isEmpty else { throw TokenizerError(.malformed, file: file, "the file has no tokens") }
        var tokens = ByteStrings()
        for (rank, token) in byRank.enumerated() {
            guard let token else { throw TokenizerError(.malformed, file: file, "the rank \(rank) is missing") }
            tokens.append(token)
        }
        return tokens
    }

    /// Every way to put a token together from two others; all ways to the same token have its rank.
    private static func merges(_ tokens: ByteStrings, _ index: ByteStringIndex) -> [MergeTable.Merge] {
        var merges: [MergeTable.Merge] = []
        tokens.bytes.withUnsafeBufferPointer { all in
            for id in 0..<tokens.count {
                let token = UnsafeBufferPointer(rebasing: all[tokens.starts[id]..<tokens.starts[id + 1]])
                // Real tokens have at most a few hundred bytes; the search below is quadratic in them.
                guard token.count > 1, token.count <= 1024 else { continue }
                for cut in 1..<token.count {
                    guard let left = index(UnsafeBufferPointer(rebasing: token[..<cut])),
                        let right = index(UnsafeBufferPointer(rebasing: token[cut...]))
                    else { continue }
                    merges.append(MergeTable.Merge(left: left, right: right, rank: UInt32(id), result: Int32(id)))
                }
            }
        }
        return merges
    }
}
