/// The processes that train one model together, as one of them sees them: `size` ranks, this one being number `rank`.
///
/// `gather`, `broadcast`, `startSum` and `leave` are collective: every rank calls them, all in the same order. One thread of a rank calls them,
/// the one that joined.
package protocol Communicator: Sendable {
    var rank: Int { get }
    var size: Int { get }
    /// Ranks on this machine, this one included.
    var localSize: Int { get }

    /// The values of all ranks, by rank. All give equally many.
    func gather(_ values: [Double]) -> [[Double]]

    /// Overwrites `bytes` by those of rank 0. All ranks have equally many.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer)

    /// Begins to replace `values` by their sum over the ranks. Nobody may touch them until `finishSums` has returned.
    ///
    /// For a given number of ranks the sum has the same bits each time, and the same on each rank.
    func startSum(_ values: UnsafeMutableBufferPointer<Float>)
    /// Lets sums that were begun advance; to be called now and then, as nothing moves by itself.
    func progress()
    /// Waits for all sums that were begun.
    func finishSums()

    /// The last call: waits for the others to leave too.
    func leave()
    /// Ends all ranks at once with this exit status.
    func abort(_ status: Int32) -> Never
}

extension Communicator {
    package var isAlone: Bool { size == 1 }
    /// Whether this is the rank that prints and writes.
    package var isFirst: Bool { rank == 0 }

    /// Rank 0's text, or its nil, on every rank.
    package func broadcast(_ text: String?) -> String? {
        if isAlone { return text }
        let own = text.map { Array($0.utf8) }
        let count = Int(gather([Double(own?.count ?? -1)])[0][0])
        guard count >= 0 else { return nil }
        var bytes = isFirst ? own! : [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes(broadcast)
        return String(decoding: bytes, as: UTF8.self)
    }
}
