/// How the elements of a stored tensor are encoded: by name, and in blocks of so many elements in so many bytes.
package struct ElementType: Sendable, Hashable, CustomStringConvertible {
    /// What this program can turn into floats.
    package enum Codec: Sendable {
        case float64, float32, float16, bfloat16
        case q8_0, q4_0, q4_1, q5_0, q5_1, q2K, q3K, q4K, q5K, q6K, iq4NL, iq4XS
    }

    /// The name in the file's own terms: `BF16`, `Q4_K`, ….
    package let name: String
    package let elementsPerBlock: Int
    package let bytesPerBlock: Int
    /// nil: such a tensor can be listed, but not read as floats.
    package let codec: Codec?

    package init(_ name: String, elements: Int = 1, bytes: Int, _ codec: Codec? = nil) {
        self.name = name
        elementsPerBlock = elements
        bytesPerBlock = bytes
        self.codec = codec
    }

    package var description: String { name }

    /// Bytes that `elements` take; nil where they do not fill whole blocks or the count overflows.
    package func byteCount(elements: Int) -> Int? {
        guard elements >= 0, elements % elementsPerBlock == 0 else { return nil }
        let (bytes, overflow) = (elements / elementsPerBlock).multipliedReportingOverflow(by: bytesPerBlock)
        return overflow ? nil : bytes
    }

    package static let float64 = ElementType("F64", bytes: 8, .float64)
    package static let float32 = ElementType("F32", bytes: 4, .float32)
    package static let float16 = ElementType("F16", bytes: 2, .float16)
    package static let bfloat16 = ElementType("BF16", bytes: 2, .bfloat16)

    /// The `dtype` names of safetensors.
    static let safetensors: [String: ElementType] = table([
        float64, float32, float16, bfloat16,
        ElementType("I64", bytes: 8), ElementType("I32", bytes: 4), ElementType("I16", bytes: 2), ElementType("I8", bytes: 1),
        ElementType("U64", bytes: 8), ElementType("U32", bytes: 4), ElementType("U16", bytes: 2), ElementType("U8", bytes: 1),
        ElementType("BOOL", bytes: 1), ElementType("C64", bytes: 8),
        ElementType("F8_E4M3", bytes: 1), ElementType("F8_E5M2", bytes: 1), ElementType("F8_E8M0", bytes: 1),
        ElementType("F8_E4M3FNUZ", bytes: 1), ElementType("F8_E5M2FNUZ", bytes: 1),
        ElementType("F6_E2M3", elements: 4, bytes: 3), ElementType("F6_E3M2", elements: 4, bytes: 3),
        ElementType("F4", elements: 2, bytes: 1),
    ])

    /// The type numbers of GGUF (`ggml_type`).
    static let ggml: [UInt32: ElementType] = [
        0: float32, 1: float16, 28: float64, 30: bfloat16,
        2: ElementType("Q4_0", elements: 32, bytes: 18, .q4_0),
        3: ElementType("Q4_1", elements: 32, bytes: 20, .q4_1),
        6: ElementType("Q5_0", elements: 32, bytes: 22, .q5_0),
        7: ElementType("Q5_1", elements: 32, bytes: 24, .q5_1),
        8: ElementType("Q8_0", elements: 32, bytes: 34, .q8_0),
        10: ElementType("Q2_K", elements: 256, bytes: 84, .q2K),
        11: ElementType("Q3_K", elements: 256, bytes: 110, .q3K),
        12: ElementType("Q4_K", elements: 256, bytes: 144, .q4K),
        13: ElementType("Q5_K", elements: 256, bytes: 176, .q5K),
        14: ElementType("Q6_K", elements: 256, bytes: 210, .q6K),
        20: ElementType("IQ4_NL", elements: 32, bytes: 18, .iq4NL),
        23: ElementType("IQ4_XS", elements: 256, bytes: 136, .iq4XS),
        9: ElementType("Q8_1", elements: 32, bytes: 40), 15: ElementType("Q8_K", elements: 256, bytes: 292),
        16: ElementType("IQ2_XXS", elements: 256, bytes: 66), 17: ElementType("IQ2_XS", elements: 256, bytes: 74),
        18: ElementType("IQ3_XXS", elements: 256, bytes: 98), 19: ElementType("IQ1_S", elements: 256, bytes: 50),
        21: ElementType("IQ3_S", elements: 256, bytes: 110), 22: ElementType("IQ2_S", elements: 256, bytes: 82),
        24: ElementType("I8", bytes: 1), 25: ElementType("I16", bytes: 2),
        26: ElementType("I32", bytes: 4), 27: ElementType("I64", bytes: 8),
        29: ElementType("IQ1_M", elements: 256, bytes: 56),
        34: ElementType("TQ1_0", elements: 256, bytes: 54), 35: ElementType("TQ2_0", elements: 256, bytes: 66),
        39: ElementType("MXFP4", elements: 32, bytes: 17),
    ]

    /// Numbers of GGUF that are not used any more.
    static let formerGGML: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
    ]

    private static func table(_ types: [ElementType]) -> [String: ElementType] {
        Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) })
    }

    /// Every type that can be read, for error messages.
    package static let readable = "F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS"

    /// Why a tensor of this type cannot be read, and what to do; for types without a codec.
    package var refusal: String {
        "is stored as \(name), which cannot be read; take the model in another type (\(Self.readable))"
    }
}
