#if MPI
import CMPI
import Foundation

/// The ranks of an MPI job.
///
/// MPI's own errors end the job with a message of its own (`MPI_ERRORS_ARE_FATAL`, its default), so no status comes back to look at.
/// `@unchecked`: only the thread that joined calls it, as the protocol demands; MPI is told so (`MPI_THREAD_FUNNELED`).
final class MPICommunicator: Communicator, @unchecked Sendable {
    let rank: Int
    let size: Int
    let localSize: Int
    private var pending: [MPI_Request?] = []
    /// Elements of one message: MPI counts in 32 bits.
    private static let longest = 1 << 28

    init() {
        var provided: Int32 = 0, rank: Int32 = 0, size: Int32 = 0
        MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided)
        MPI_Comm_rank(heal_mpi_world(), &rank)
        MPI_Comm_size(heal_mpi_world(), &size)
        self.rank = Int(rank)
        self.size = Int(size)
        localSize = Int(heal_mpi_local_size())
    }

    func gather(_ values: [Double]) -> [[Double]] {
        var all = [Double](repeating: 0, count: values.count * size)
        _ = heal_mpi_gather(values, Int32(values.count), &all)
        return (0..<size).map { Array(all[$0 * values.count..<($0 + 1) * values.count]) }
    }

    func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {
        for start in stride(from: 0, to: bytes.count, by: Self.longest) {
            _ = heal_mpi_broadcast(bytes.baseAddress! + start, Int32(min(Self.longest, bytes.count - start)))
        }
    }

    func startSum(_ values: UnsafeMutableBufferPointer<Float>) {
        for start in stride(from: 0, to: values.count, by: Self.longest) {
            var request: MPI_Request?
            _ = heal_mpi_start_sum(values.baseAddress! + start, Int32(min(Self.longest, values.count - start)), &request)
            pending.append(request)
        }
    }

    func progress() { _ = heal_mpi_progress(Int32(pending.count), &pending) }

    func finishSums() {
        _ = heal_mpi_wait(Int32(pending.count), &pending)
        pending.removeAll(keepingCapacity: true)
    }

    func leave() { MPI_Finalize() }

    func abort(_ status: Int32) -> Never {
        MPI_Abort(heal_mpi_world(), status)
        exit(status)
    }
}
#endif
