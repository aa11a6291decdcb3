import Foundation

/// How this process came to be: alone, or as one of several that a launcher (mpirun, srun) started together.
package enum Launch {
    /// Joins the other ranks, or finds that there are none. To be called once, from the main thread.
    package static func join() throws(LaunchError) -> any Communicator {
        let started = ranks(ProcessInfo.processInfo.environment)
        // MPI without a launcher would start a daemon for the one process; there is no need for it.
        guard started > 1 else { return Alone() }
        #if MPI
        let communicator = MPICommunicator()
        guard communicator.size > 1 else {
            throw LaunchError(
                "started as one of \(started) processes, but MPI finds no other: under Slurm use `srun --mpi=pmix` (`srun --mpi=list` tells what there is) or mpirun")
        }
        return communicator
        #else
        throw LaunchError("started as one of \(started) processes, but this program was built without MPI: build it with `make mpi`, or start it once")
        #endif
    }

    /// How many processes a launcher says it started; 1 where there is none. The innermost launcher comes first: mpirun itself runs as a Slurm step.
    static func ranks(_ environment: [String: String]) -> Int {
        ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"].lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 1
    }
}

/// Why the processes could not come together.
package struct LaunchError: Error, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
