import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, requests to terminate, a terminal that is gone, and SIGUSR1, which launchers of several ranks pass on without ending them: the first asks the work to
/// save and leave, the second ends the process at once. What comes within half a second of the first is part of it: `timeout` signals the process and
/// then its group.
///
/// Saves are atomic, so nothing that was saved is lost by the second.
struct Interruption {
    /// The first signal that came.
    final class Request: Sendable {
        private let number = Atomic<Int32>(0)
        /// When the first signal came, in nanoseconds.
        private let time = Atomic<UInt64>(0)

        var isMade: Bool { signal != 0 }
        /// The signal's number; 0 before one came.
        var signal: Int32 { number.load(ordering: .relaxed) }

        /// 130, 143, 129 or 138, as shells expect of a process that a signal ended.
        static func status(_ signal: Int32) -> Int32 { 128 + signal }

        fileprivate enum Turn { case first, sameAgain, second }

        fileprivate func take(_ signal: Int32) -> Turn {
            let now = DispatchTime.now().uptimeNanoseconds
            if number.compareExchange(expected: 0, desired: signal, ordering: .relaxed).exchanged {
                time.store(now, ordering: .relaxed)
                return .first
            }
            return now - time.load(ordering: .relaxed) < 500_000_000 ? .sameAgain : .second
        }
    }

    let request = Request()
    private let sources: [any DispatchSourceSignal]

    /// - Parameter asked: called once, on another thread, when the first signal comes.
    init(asked: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue(label: "heal.signals")
        sources = Self.signals().map { [request] number in
            signal(number, SIG_IGN)  // The source sees it all the same; the default action must not.
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                switch request.take(number) {
                case .first: asked()
                case .sameAgain: break
                case .second: _exit(Request.status(number))
                }
            }
            source.resume()
            return source
        }
    }

    /// Under `nohup` SIGHUP is ignored, and stays so.
    private static func signals() -> [Int32] {
        var hangup = sigaction()
        let isIgnored = sigaction(SIGHUP, nil, &hangup) == 0 && unsafeBitCast(hangup.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        return [SIGINT, SIGTERM, SIGUSR1] + (isIgnored ? [] : [SIGHUP])
    }
}
