/// What a sentencepiece `tokenizer.model` holds: pieces with scores and kinds, and how text is normalised.
struct SentencePieceModel {
    /// Kinds as sentencepiece and GGUF number them.
    enum Kind: UInt64, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    struct Piece: Sendable {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = Kind.normal
    }

    /// `model_type` of the trainer's specification.
    enum ModelType: UInt64 {
        case unigram = 1
        case bpe = 2
        case word = 3
        case char = 4
    }

    var pieces: [Piece] = []
    var modelType = ModelType.unigram
    var byteFallback = false
    var treatWhitespaceAsSuffix = false
    var unkSurface = Array(" \u{2047} ".utf8)
    var unkId: Int32 = 0
    var bosId: Int32 = 1
    var eosId: Int32 = 2
    var padId: Int32 = -1
    var addDummyPrefix = true
    var removeExtraWhitespaces = true
    var escapeWhitespaces = true
    var charsmap: [UInt8] = []

    init() {}

    /// Reads the file's bytes.
    init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
        do {
            try read(bytes)
        } catch {
            throw TokenizerError(
                .malformed, file: file, place: "byte \(error.position)", "not a sentencepiece model: \(error.reason)")
        }
        guard !pieces.isEmpty else {
            throw TokenizerError(.malformed, file: file, "not a sentencepiece model: it has no pieces")
        }
    }

    private mutating func read(_ bytes: [UInt8]) throws(ProtobufReader.Malformed) {
        var reader = ProtobufReader(bytes[...])
        while let (field, value) = try reader.next() {
            guard case .bytes(let message) = value else { continue }
            switch field {
            case 1:
                guard pieces.count < Int(TokenizerLimits.ids) else {
                    throw ProtobufReader.Malformed(position: message.startIndex, reason: "too many pieces")
                }
                pieces.append(try Self.piece(message))
            case 2: try readTrainer(message)
            case 3: try readNormalizer(message)
            default: break
            }
        }
    }

    private static func piece(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) -> Piece {
        var piece = Piece()
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let text)): piece.text = Array(text)
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .varint(let kind)):
                guard let kind = Kind(rawValue: kind) else {
                    throw ProtobufReader.Malformed(position: message.startIndex, reason: "a piece of kind \(kind)")
                }
                piece.kind = kind
            default: break
            }
        }
        return piece
    }

    private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) {
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .varint(let type)):
                guard let type = ModelType(rawValue: type) else {
                    throw ProtobufReader.Malformed(position: message.startIndex, reason: "a model of type \(type)")
                }
                modelType = type
            case (24, .varint(let flag)): treatWhitespaceAsSuffix = flag != 0
            case (35, .varint(let flag)): byteFallback = flag != 0
            case (40, .varint(let id)): unkId = Int32(truncatingIfNeeded: id)
            case (41, .varint(let id)): bosId = Int32(truncatingIfNeeded: id)
            case (42, .varint(let id)): eosId = Int32(truncatingIfNeeded: id)
            case (43, .varint(let id)): padId = Int32(truncatingIfNeeded: id)
            case (44, .bytes(let text)): unkSurface = Array(text)
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ message: ArraySlice<UInt8>) throws(ProtobufReader.Malformed) {
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let map)): charsmap = Array(map)
            case (3, .varint(let flag)): addDummyPrefix = flag != 0
            case (4, .varint(let flag)): removeExtraWhitespaces = flag != 0
            case (5, .varint(let flag)): escapeWhitespaces = flag != 0
            default: break
            }
        }
    }
}
