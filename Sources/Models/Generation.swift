/// Text that follows a prompt.
package enum Generation {
    /// Token ids after `prompt`, up to `maxTokens` of them, an id of `ends` (which is left out) or the end of the model's context.
    ///
    /// - Parameter each: told every token as it is chosen; false ends the generation.
    /// - Throws: where the model's numbers are not finite: any choice among them would be chance.
    package static func run(
        _ model: LlamaModel, prompt: [Int32], maxTokens: Int, ends: Set<Int32> = [], sampling: inout Sampling, each: (Int32) -> Bool = { _ in true }
    ) throws(NotFiniteError) -> [Int32] {
        // The smaller term first: `maxTokens` may be any number.
        let capacity = prompt.count + min(model.longestContext - prompt.count, maxTokens)
        guard !prompt.isEmpty, prompt.count <= capacity else { return [] }
        var decoder = Decoder(model, capacity: capacity)
        var logits = decoder.read(prompt), ids: [Int32] = []
        while ids.count < maxTokens {
            guard logits.allSatisfy(\.isFinite) else { throw NotFiniteError(token: decoder.length - 1) }
            let next = sampling.choose(logits)
            if ends.contains(next) { break }
            ids.append(next)
            if !each(next) || decoder.length == decoder.capacity { break }
            if ids.count < maxTokens { logits = decoder.read([next]) }
        }
        return ids
    }
}
