/// Messages about the same matrix of several blocks, told once.
enum AlikeBlocks {
    /// Of messages that differ only in the number after `layers.`, the first stays, with how many more blocks there are like it.
    static func merged(_ messages: [String]) -> [String] {
        var order: [String] = [], found: [String: (first: String, count: Int)] = [:]
        for message in messages {
            let key = message.replacing(#/layers\.[0-9]+\./#, with: "layers.*.")
            if found[key] == nil {
                order.append(key)
                found[key] = (message, 0)
            }
            found[key]?.count += 1
        }
        return order.compactMap { found[$0] }.map { $0.count > 1 ? "\($0.first) (and so in \($0.count - 1) other blocks)" : $0.first }
    }
}
