import ArgumentParser
import Kernels

/// `--threads`.
struct ThreadOption: ParsableArguments {
    @Option(parsing: .unconditional, help: ArgumentHelp("Worker threads; 0 takes one for each processor. The numbers do not depend on it.", valueName: "n"))
    var threads = 0

    func validate() throws {
        guard (0...4096).contains(threads) else { throw ValidationError("--threads is \(threads); expected a number from 0 to 4096.") }
    }

    func apply() {
        AddressSpace.warnOfLimit()
        Parallel.threads = threads
    }
}
