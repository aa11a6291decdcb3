import ArgumentParser
import Cluster
import Foundation

/// A command that several processes run together.
enum Ranks {
    /// Runs `body` on this rank. An error on one ends all of them, with its message and its exit status.
    static func run(on cluster: any Communicator, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error where !cluster.isAlone && !(error is ExitCode) {
            let failure = Failure(error)
            Console.flush()
            // What is wrong on all ranks is said by the first, which ends the others while they wait here.
            // Where it may have steps to save, that takes a while.
            if !cluster.isFirst { Thread.sleep(forTimeInterval: failure.mayHaveSteps ? 60 : 2) }
            Console.printError((cluster.isFirst ? "" : "rank \(cluster.rank) of \(cluster.size) on \(ProcessInfo.processInfo.hostName): ") + failure.text)
            cluster.abort(failure.status.rawValue)
        } catch {
            cluster.leave()
            throw error
        }
        cluster.leave()
    }
}
