extension GGUFVocabulary {
    /// The values a GGUF file would carry for a sentencepiece `tokenizer.model`; nil where the bytes are something else, or a model
    /// that is not a byte-pair encoding.
    package init?(sentencePiece bytes: [UInt8]) {
        guard !TiktokenModel.recognizes(bytes), let model = try? SentencePieceModel(bytes, file: ""), model.modelType == .bpe,
            model.escapeWhitespaces, !model.treatWhitespaceAsSuffix
        else { return nil }
        self.init(model: "llama", pre: nil, tokens: model.pieces.map(\.text))
        scores = model.pieces.map(\.score)
        tokenTypes = model.pieces.map { Int32($0.kind.rawValue) }
        func role(_ id: Int32) -> Int32? { id >= 0 && Int(id) < model.pieces.count ? id : nil }
        special = SpecialTokens(bos: role(model.bosId), eos: role(model.eosId), pad: role(model.padId), unk: role(model.unkId))
        addSpacePrefix = model.addDummyPrefix
        removeExtraWhitespaces = model.removeExtraWhitespaces
        charsmap = model.charsmap
    }
}
