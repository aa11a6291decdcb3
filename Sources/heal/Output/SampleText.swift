import HealData
import Trainer

/// A sample for a person to look at: which tokens are trained, which are cut off.
struct SampleText {
    static let opening = "⟦", closing = "⟧", cutOpening = "⟪", cutClosing = "⟫"

    let tokenizer: any Tokenizer
    let colours: Bool

    /// `1  datasets/x.jsonl:17  alpaca, 132 tokens, 80 trained`
    func header(_ sample: SamplePreview, number: Int) -> StyledText {
        let kept = sample.pieces.filter { !$0.cutOff }
        var text = "\(sample.place)  \(sample.format.rawValue), \(HumanFormat.grouped(sample.pieces.count)) tokens, "
            + "\(HumanFormat.grouped(kept.count { $0.trained })) trained"
        if kept.count < sample.pieces.count { text += ", cut to \(HumanFormat.grouped(kept.count))" }
        if let reason = sample.skipped { text += "; left out: \(reason.words)" }
        return StyledText("\(number)  \(text)", colours ? [.bold] : [])
    }

    func body(_ sample: SamplePreview) -> StyledText {
        var text = StyledText()
        // A bos that the text does not spell has no bytes of its own.
        if let first = sample.pieces.first, first.bytes.isEmpty, let name = tokenizer.token(first.token) { text += mark(name, false, false) }
        for run in sample.runs { text += mark(run.text, run.trained, run.cutOff) }
        return text
    }

    private func mark(_ text: String, _ trained: Bool, _ cutOff: Bool) -> StyledText {
        if text.isEmpty { return StyledText() }
        if colours { return StyledText(text, [trained ? .green : .faint] + (cutOff ? [.struck] : [])) }
        let inner = trained ? Self.opening + text + Self.closing : text
        return StyledText(cutOff ? Self.cutOpening + inner + Self.cutClosing : inner)
    }
}
