import Testing

@testable import Cluster

struct LaunchTests {
    @Test(arguments: [
        ([:], 1), (["OMPI_COMM_WORLD_SIZE": "4"], 4), (["PMI_SIZE": "2"], 2), (["SLURM_STEP_NUM_TASKS": "8"], 8),
        // mpirun under Slurm: a step with one task a machine starts the ranks.
        (["OMPI_COMM_WORLD_SIZE": "4", "SLURM_STEP_NUM_TASKS": "2"], 4), (["SLURM_STEP_NUM_TASKS": "many"], 1),
    ] as [([String: String], Int)])
    func ranksThatALauncherStarted(environment: [String: String], ranks: Int) {
        #expect(Launch.ranks(environment) == ranks)
    }

    @Test func aloneNothingTravels() {
        let alone = Alone()
        #expect(alone.isAlone && alone.isFirst)
        #expect(alone.gather([1, 2]) == [[1, 2]])
        #expect(alone.broadcast("text") == "text" && alone.broadcast(nil) == nil)
    }
}
