import Basics
import Foundation
import Synchronization
import Trainer

/// Standard output and standard error: the only place that writes to them.
///
/// What is printed may hold text of strangers: names, keys, rows, tokens. No character of it commands the terminal or turns a line around: such are
/// spelled out, in files and pipes too, which are looked at later. Colours come as ``StyledText``. Only ``write(_:)`` gives text exactly as it is where
/// standard output is no terminal.
///
/// Output is buffered and comes before anything that goes to standard error afterwards. A reader that went away (`heal tokenize ... | head -1`)
/// ends a command that only prints, silently and without failure; a command that has work to do goes on without printing.
enum Console {
    private struct State {
        var buffer: [UInt8] = []
        var isClosed = false
        var worksWithoutReader = false
        /// Width of the status line that stands on standard error's terminal, to be wiped before anything else is written.
        var hasStatusLine = false
        var log = RunLog.none
        /// How often long work is told of in a file.
        var cadence = Cadence(every: .seconds(30))
    }
    private static let state = Mutex(State())
    private static let capacity = 1 << 16

    /// To be called by commands whose work matters more than what they print.
    static func workWithoutReader() { state.withLock { $0.worksWithoutReader = true } }

    /// Writes a line.
    static func print(_ line: String = "") { print(StyledText(line)) }

    static func print(_ line: StyledText) {
        var line = line.sequence
        if line.utf8.last != 0x0A || line.isEmpty { line += "\n" }
        line.withUTF8 { put(UnsafeRawBufferPointer($0)) }
        if Terminal.isOutput { flush() }
    }

    /// Writes text that is the command's product, such as what a model says: exactly, unless a terminal shows it.
    static func write(_ text: String) {
        var text = Terminal.isOutput ? text.withoutCommands : text
        text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }

    /// The same of whole lines.
    static func write(_ bytes: UnsafeRawBufferPointer) {
        if Terminal.isOutput { write(String(decoding: bytes, as: UTF8.self)) } else { put(bytes) }
    }

    private static func put(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            wipeStatus(&state)
            state.log.append(bytes)
            state.buffer.append(contentsOf: bytes)
            if state.buffer.count >= capacity { drain(&state) }
        }
    }

    static func flush() { state.withLock { drain(&$0) } }

    /// Writes out what is left. Failure to do so is the command's failure.
    static func finish() {
        state.withLock { state in
            wipeStatus(&state)
            drain(&state)
        }
    }

    /// Writes a line to standard error.
    static func printError(_ line: String) {
        state.withLock { state in
            drain(&state)
            wipeStatus(&state)
            let line = line.withoutCommands
            state.log.append(line)
            _ = send(Array((line + "\n").utf8)[...], to: STDERR_FILENO)
        }
    }

    /// Writes what is no mistake but may well be one.
    static func warn(_ warnings: [String]) {
        for warning in warnings { printError("heal: warning: \(warning.withoutCommandsAndLines)") }
    }

    // MARK: The log of a run

    /// From now on what is printed is kept, to go into a log as soon as it is known where that is.
    static func beginLog() { state.withLock { $0.log = .waiting([]) } }

    /// Appends what was kept, and all that is printed from now on, to a file.
    static func log(to path: String, title: String) {
        guard let error = state.withLock({ $0.log.open(path, title: title) }) else { return }
        printError("heal: warning: \(error)")
    }

    /// Writes a line to the log alone: what is only shown for a moment elsewhere.
    static func logLine(_ line: String) { state.withLock { $0.log.append(line.withoutCommands) } }

    /// Tells that a damaged checkpoint was passed over for the one before it.
    static func warnOfSkipped(checkpoint path: String, reason: String) {
        warn(["\(reason.hasPrefix(path) ? "" : path + ": ")\(reason); trying the one before"])
    }

    /// Shows a line in place of the last one on the terminal; the empty text removes it. Nothing happens where standard error is no terminal.
    static func status(_ text: String) {
        if text.isEmpty { state.withLock { $0.cadence.reset() } }
        guard Terminal.isError else { return }
        state.withLock { state in
            drain(&state)
            wipeStatus(&state)
            if text.isEmpty { return }
            let line = "\r" + text.withoutCommandsAndLines.prefix(columns: max(1, Terminal.width - 1))
            if send(Array(line.utf8)[...], to: STDERR_FILENO) == 0 { state.hasStatusLine = true }
        }
    }

    static func status(_ line: FittedLine) { status(line.text(width: max(1, Terminal.width - 1))) }

    /// Shows how far long work is: on the terminal's line at once; where standard error is a file or a pipe a line now and then.
    static func progress(_ line: FittedLine) {
        if Terminal.isError { return status(line) }
        if state.withLock({ $0.cadence.isDue() }) { printError(line.text()) }
    }

    /// The same of work on one thing after the other.
    static func progress(_ work: String, _ done: Int, of total: Int, _ name: String) {
        progress(FittedLine([.init("\(work) \(HumanFormat.grouped(done))/\(HumanFormat.grouped(total))"), .init(name, rank: 2, shortens: true)]))
    }

    private static func wipeStatus(_ state: inout State) {
        guard state.hasStatusLine else { return }
        state.hasStatusLine = false
        _ = send(Array("\r\u{1B}[K".utf8)[...], to: STDERR_FILENO)
    }

    private static func drain(_ state: inout State) {
        guard !state.buffer.isEmpty else { return }
        let code = state.isClosed ? 0 : send(state.buffer[...], to: STDOUT_FILENO)
        state.buffer.removeAll(keepingCapacity: true)
        if code == 0 { return }
        state.isClosed = true
        if state.worksWithoutReader {
            if code != EPIPE { complain(code) }
        } else if code == EPIPE {
            exit(ExitStatus.success.rawValue)
        } else {
            complain(code)
            exit(ExitStatus.inputOutput.rawValue)
        }
    }

    private static func complain(_ code: Int32) {
        _ = send(Array("heal: standard output cannot be written: \(String(cString: strerror(code)))\n".utf8)[...], to: STDERR_FILENO)
    }

    /// 0, or the error's number.
    private static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&wait, 1, -1)
                    continue
                }
                if count < 0 { return errno }
                done += count
            }
            return 0
        }
    }
}
