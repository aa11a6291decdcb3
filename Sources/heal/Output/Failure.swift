import Basics
import Cluster
import Foundation
import HealData
import Models
import TensorTrain
import Trainer

/// An error as it is shown: what to print, and the status to end with.
///
/// What an error says may come from files: names, keys, the words of other programs. This is where it becomes text, so this is where what would command
/// a terminal, or begin a line of its own, is spelled out; lines are only those that are given one by one.
struct Failure: Error, CustomStringConvertible {
    /// One entry a mistake; each may go over several lines.
    private(set) var messages: [String]
    /// By its index, the mistakes that an entry stands for besides one.
    private var unlisted: [Int: Int] = [:]
    var status: ExitStatus
    /// What the entries are, for the count after a list.
    var noun = ("mistake", "mistakes")
    /// Whether a run ended that may have had steps to save.
    var mayHaveSteps = false

    init(_ message: String, _ status: ExitStatus) { self.init([message], status) }

    init(_ messages: [String], _ status: ExitStatus) {
        self.messages = messages.map(\.withoutCommandsAndLines)
        self.status = status
    }

    /// Puts lines below the last entry.
    mutating func add(lines: [String]) {
        guard !messages.isEmpty else { return }
        for line in lines { messages[messages.count - 1] += "\n" + line.withoutCommandsAndLines }
    }

    /// One more mistake, or an entry that stands for several.
    mutating func add(_ message: String, standingFor count: Int = 1) {
        if count > 1 { unlisted[messages.count] = count - 1 }
        messages.append(message.withoutCommandsAndLines)
    }

    /// The mistakes of another failure.
    ///
    /// - Parameter place: where they are, if they do not say so themselves.
    mutating func add(_ other: Failure, at place: String? = nil) {
        for (index, count) in other.unlisted { unlisted[messages.count + index] = count }
        messages += other.messages.map { (place.map { $0.withoutCommandsAndLines + ": " } ?? "") + $0 }
    }

    /// More entries than this help nobody.
    static let longestList = 50

    var description: String { messages.joined(separator: "\n") }

    /// One mistake is a line of its own; several are a list with their number below.
    var text: String {
        if messages.count == 1 { return "heal: \(messages[0])" }
        func count(_ entries: Range<Int>) -> Int { entries.reduce(0) { $0 + 1 + unlisted[$1, default: 0] } }
        var lines = Array(messages.prefix(Self.longestList))
        let all = count(0..<messages.count), more = count(lines.count..<messages.count)
        if more > 0 { lines.append("... and \(HumanFormat.grouped(more)) more") }
        return lines.joined(separator: "\n") + "\nheal: \(HumanFormat.grouped(all)) \(all == 1 ? noun.0 : noun.1)"
    }
}

extension Failure {
    /// Every error that the modules throw, in words and with its status.
    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as RunEndedError:
            self.init(error.reason)
            mayHaveSteps = true
            add(lines: error.kept)
        case let error as Trainer.ConfigurationError: self.init(error.issues.map(\.description), .configuration)
        case let error as ConfigurationIssue: self.init(error.description, .configuration)
        case let error as Models.ConfigurationError:
            self.init(
                error.problems.map { "\(error.file): " + ($0.place.isEmpty ? "" : "\($0.place): ") + $0.message }, .badInput)
        // Mistakes in a plan come one a line; other messages may have lines of details below their first.
        case let error as HealError where error.code == .configuration: self.init(AlikeBlocks.merged(error.lines), .configuration)
        case let error as HealError:
            self.init(error.headline, Self.status(of: error.code))
            add(lines: error.details)
        case let error as StorageError: self.init(error.description, Self.status(of: error.code))
        case let error as DataError: self.init(error.description, Self.status(of: error.code))
        case let error as TokenizerError: self.init(error.description, Self.status(of: error.code))
        case let error as TensorTrainError: self.init(error.description, .badInput)
        case let error as RecordError: self.init(error.description, .badInput)
        case let error as NotFiniteError: self.init(error.description, .badInput)
        case let error as LaunchError: self.init(error.description, .usage)
        case let error as EncodingError: self.init("a record cannot be written: \(error)", .failure)
        case let error as DecodingError: self.init("a record cannot be read: \(error)", .badInput)
        default: self.init("\(error)", .failure)
        }
    }

    private static func status(of code: HealError.Code) -> ExitStatus {
        switch code {
        case .configuration: .configuration
        case .model, .data, .checkpoint: .badInput
        case .export: .cannotCreate
        case .diverged: .failure
        }
    }

    private static func status(of code: StorageError.Code) -> ExitStatus {
        switch code {
        case .notFound, .unreadable: .missingInput
        case .unwritable: .cannotCreate
        case .inputOutput, .noSpace, .library, .closed: .inputOutput
        case .truncated, .malformed, .unsupported, .missing, .mismatch, .checksum: .badInput
        }
    }

    private static func status(of code: TokenizerError.Code) -> ExitStatus {
        switch code {
        case .unreadable: .missingInput
        case .inputOutput: .inputOutput
        case .malformed, .unsupported: .badInput
        }
    }

    private static func status(of code: DataError.Code) -> ExitStatus {
        switch code {
        case .unreadable: .missingInput
        case .inputOutput: .inputOutput
        case .badOption: .configuration
        case .damaged, .badRow, .unknownFormat, .unknownTemplate, .empty, .changedData: .badInput
        }
    }
}
