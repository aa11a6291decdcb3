/// A model gave numbers that are not finite, where its own are looked at: nothing can be told from them.
package struct NotFiniteError: Error, CustomStringConvertible {
    /// Place in the text, from 0, of the last token that the model had seen.
    package let token: Int

    package init(token: Int) { self.token = token }

    package var description: String {
        "what the model computes after token \(token + 1) of the text is not finite; its weights may be damaged or too large, or `config.json` may not be theirs; get the model again, "
            + "or take an earlier checkpoint of the run that made it"
    }
}
