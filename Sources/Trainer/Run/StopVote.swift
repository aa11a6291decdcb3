import Cluster

/// The wish to stop as all ranks see it: one that wants to stops all of them, at the same place.
final class StopVote {
    private let cluster: any Communicator
    private let wish: () -> Bool
    private var isDecided = false

    init(_ cluster: any Communicator, wish: @escaping () -> Bool) {
        self.cluster = cluster
        self.wish = wish
    }

    /// Collective: all ranks ask at the same places. Once it is true it stays so.
    func poll() -> Bool {
        if cluster.isAlone { return wish() }
        if !isDecided { isDecided = cluster.gather([wish() ? 1 : 0]).contains([1]) }
        return isDecided
    }
}
