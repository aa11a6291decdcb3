import Foundation
import Testing

extension Program {
    /// What the program sends to a terminal of so many columns, on both streams, and its status.
    static func onTerminal(_ arguments: [String], columns: Int, input: String = "") throws -> (status: Int32, text: String) {
        let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // Swift sees none of the functions for this: TIOCSPTLCK unlocks the other end, TIOCGPTN tells its number.
        var number: Int32 = -1, lock: Int32 = 0
        let isOpen = controller >= 0 && ioctl(controller, 0x4004_5431, &lock) == 0 && ioctl(controller, 0x8004_5430, &number) == 0
        try #require(isOpen)
        var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        let isSized = terminal >= 0 && ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0
        try #require(isSized)
        let reader = FileHandle(fileDescriptor: controller, closeOnDealloc: true), writer = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
        let process = start(arguments)
        process.environment?["TERM"] = "xterm"
        process.environment?["NO_COLOR"] = nil
        process.environment?["COLUMNS"] = nil
        let feed = Pipe()
        process.standardInput = feed
        (process.standardOutput, process.standardError) = (writer, writer)
        try process.run()
        close(terminal)
        try feed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try feed.fileHandleForWriting.close()
        var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 1 << 14)
        // Reading fails when the program, the last to have the other end open, is gone.
        while case let count = read(reader.fileDescriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"))
    }
}

extension String {
    /// The characters in it that command a terminal or turn a line around; line feeds and tabs are none.
    var commands: [String] {
        unicodeScalars.filter {
            switch $0.value {
            case 0x09, 0x0A: false
            case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
            default: false
            }
        }.map { "U+" + String($0.value, radix: 16) }
    }

    /// Without the colours and the moves that the program itself makes.
    var withoutOwnSequences: String { replacing(#/\u{1B}\[[0-9;]*[mK]/#, with: "").replacing("\r", with: "") }
}
