import Basics

/// Flags with which data sets take a turn out of the loss.
///
/// `weight` (OpenAI, Mistral), `loss` (LLaMA-Factory), `train` and `training` (Axolotl) keep a turn in with true or 1 and out with false or 0;
/// `mask` and `masked` the other way round. Null, as no flag at all, leaves the turn in; of several flags one is enough to take it out.
enum LossFlags {
    static let keeping = ["weight", "loss", "train", "training"]
    static let masking = ["mask", "masked"]
    static let keys = Set(keeping + masking)

    /// Whether the turn is to be trained; nil where no flag says so.
    static func trained(_ message: JSONRow) throws(RecordError) -> Bool? {
        var trained: Bool?
        for (keys, meaning) in [(keeping, true), (masking, false)] {
            for key in keys {
                guard let flag = message[key] else { continue }
                guard let isSet = flag.flag else { throw RecordError("\(message.name(of: key)) must be 0, 1, true, false or null\(remedy(key))") }
                trained = (trained ?? true) && isSet == meaning
            }
        }
        return trained
    }

    private static func remedy(_ key: String) -> String { key == "weight" ? "; other weights of a turn are not supported" : "" }
}

extension JSON {
    /// A value that says yes or no.
    fileprivate var flag: Bool? {
        switch value {
        case .bool(let flag): flag
        case .integer(let number): number == 0 ? false : number == 1 ? true : nil
        case .number(let number): number == 0 ? false : number == 1 ? true : nil
        default: nil
        }
    }
}
