import Foundation

/// System calls on files, repeated where a signal interrupts them.
enum SystemCall {
    /// Repeats `call`, which returns a negative number where it fails.
    static func retrying<Status: SignedInteger>(_ call: () -> Status) -> Status {
        while true {
            let status = call()
            if status >= 0 || errno != EINTR { return status }
        }
    }

    /// The new descriptor, which programs that are started do not inherit; negative where it fails.
    static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0o644) -> Int32 {
        retrying { Foundation.open(path, flags | O_CLOEXEC, mode) }
    }

    /// 0, or the error's number. The descriptor is gone either way, also where a signal interrupts.
    static func close(_ descriptor: Int32) -> Int32 { Foundation.close(descriptor) == 0 || errno == EINTR ? 0 : errno }

    static func sync(_ descriptor: Int32) -> Int32 { retrying { fsync(descriptor) } }
}
