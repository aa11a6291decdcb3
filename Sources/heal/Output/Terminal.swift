import ArgumentParser
import Foundation

/// What is at the other end of the standard streams.
enum Terminal {
    static let isOutput = isatty(STDOUT_FILENO) == 1
    static let isError = isatty(STDERR_FILENO) == 1

    /// Columns that printed tables may take; nil where standard output is no terminal: files and pipes get every line whole, whatever the terminal is.
    static var lineWidth: Int? { isOutput ? width : nil }

    /// Columns; 80 where nobody says.
    static var width: Int {
        var size = winsize()
        for descriptor in [STDERR_FILENO, STDOUT_FILENO] where ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
            return Int(size.ws_col)
        }
        return 80
    }
}

/// `--color`.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never

    /// `auto` colours on a terminal, unless the environment has `NO_COLOR` (https://no-color.org).
    var isOn: Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto:
            Terminal.isOutput && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
                && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        }
    }
}
