import Basics
import Cluster
import Foundation
import HealData
import Models
import TensorTrain
import Trainer

/// An error as it is shown: what to print, and the status to end with.
struct Failure: Error, CustomStringConvertible {
    /// One entry a mistake; each may go over several lines.
    var messages: [String]
    var status: ExitStatus
    /// What the entries are, for the count after a list.
    var noun = ("mistake", "mistakes")
    /// Whether a run ended that may have had steps to save.
    var mayHaveSteps = false

    init(_ message: String, _ status: ExitStatus) {
        messages = [message]
        self.status = status
    }

    init(_ messages: [String], _ status: ExitStatus) {
        self.messages = messages
        self.status = status
    }

    /// More entries than this help nobody.
    static let longestList = 50

    var description: String { messages.joined(separator: "\n") }

    /// One mistake is a line of its own; several are a list with their number below.
    var text: String {
        if messages.count == 1 { return "heal: \(messages[0])" }
        var lines = Array(messages.prefix(Self.longestList))
        if messages.count > lines.count { lines.append("... and \(messages.count - lines.count) more") }
        return lines.joined(separator: "\n") + "\nheal: \(messages.count) \(messages.count == 1 ? noun.0 : noun.1)"
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
            if let kept = error.kept { messages[messages.count - 1] += "\n" + kept }
        case let error as Trainer.ConfigurationError: self.init(error.issues.map(\.description.withoutCommandsAndLines), .configuration)
        case let error as ConfigurationIssue: self.init(error.description.withoutCommandsAndLines, .configuration)
        case let error as Models.ConfigurationError:
            self.init(
                error.problems.map { ("\(error.file): " + ($0.place.isEmpty ? "" : "\($0.place): ") + $0.message).withoutCommandsAndLines }, .badInput)
        case let error as HealError: self.init(Self.entries(error), Self.status(of: error.code))
        case let error as StorageError: self.init(error.description.withoutCommandsAndLines, Self.status(of: error.code))
        case let error as DataError: self.init(error.description.withoutCommandsAndLines, Self.status(of: error.code))
        case let error as TokenizerError: self.init(error.description.withoutCommandsAndLines, error.code == .unreadable ? .missingInput : .badInput)
        case let error as TensorTrainError: self.init(error.description, .badInput)
        case let error as RecordError: self.init(error.description.withoutCommandsAndLines, .badInput)
        case let error as LaunchError: self.init(error.description, .usage)
        case let error as EncodingError: self.init("a record cannot be written: \(error)", .failure)
        case let error as DecodingError: self.init("a record cannot be read: \(error)", .badInput)
        default: self.init("\(error)", .failure)
        }
    }

    /// Mistakes in a plan come one a line; other messages may have lines of details below their first.
    private static func entries(_ error: HealError) -> [String] {
        error.code == .configuration ? AlikeBlocks.merged(error.description.split(separator: "\n").map(String.init)) : [error.description]
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

    private static func status(of code: DataError.Code) -> ExitStatus {
        switch code {
        case .unreadable: .missingInput
        case .badOption: .configuration
        case .damaged, .badRow, .unknownFormat, .unknownTemplate, .empty, .changedData: .badInput
        }
    }
}
