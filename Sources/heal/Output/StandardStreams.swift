import Foundation

/// The three descriptors that every program expects to be open.
enum StandardStreams {
    /// Takes the places of closed ones, so that no file that is opened later gets such a number, and with it what is meant for the terminal.
    /// To read from a place that was closed, and to write to it, fails as before.
    static func occupy() {
        for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is taken; those below are open by now.
            _ = open("/dev/null", mode)
        }
    }
}
