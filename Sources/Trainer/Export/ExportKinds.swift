import Storage

/// The type that weights are written in.
package enum ExportDType: String, Sendable, CaseIterable {
    case bf16, fp32

    var elementType: ElementType { self == .bf16 ? .bfloat16 : .float32 }
    /// As `config.json` names it.
    var huggingFaceName: String { self == .bf16 ? "bfloat16" : "float32" }
}

/// How far an export is.
package struct ExportProgress: Sendable {
    /// Tensors written, of so many.
    package let done: Int
    package let total: Int
    /// The one written last.
    package let name: String
}

/// What an export wrote.
package struct ExportSummary: Sendable, Equatable {
    package let directory: String
    package let parameters: Int
    /// Of the weights alone.
    package let bytes: Int
}
