import Foundation

/// Keeps a second run out of an output directory for as long as this value lives. The system lets go when the process ends, however it ends.
final class RunLock {
    private let descriptor: Int32

    init(directory: String) throws {
        let path = directory + "/.lock"
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw HealError(.checkpoint, "\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw HealError(.checkpoint, "\(directory): another run is writing here; wait for it, stop it, or choose another output_dir")
        }
    }

    deinit { close(descriptor) }
}
