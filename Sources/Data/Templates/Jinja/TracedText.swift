/// Which part of a conversation a piece of text was taken from.
enum TextOrigin: Sendable, Equatable {
    case tools
    case message(Int, Field)

    enum Field: Sendable, Equatable {
        case content, toolCalls, reasoning, other
    }

    /// The message's number.
    var message: Int? {
        if case .message(let number, _) = self { number } else { nil }
    }
}

/// UTF-8 text that remembers which of its bytes came out of a conversation, and which the template wrote itself.
struct TracedText: Sendable {
    struct Trace: Sendable, Equatable {
        var start: Int
        var end: Int
        var origin: TextOrigin
    }

    private(set) var bytes: [UInt8]
    /// Ascending and disjoint.
    private(set) var traces: [Trace] = []

    init() { bytes = [] }
    init(_ string: String) { bytes = Array(string.utf8) }

    init(_ bytes: [UInt8], from origin: TextOrigin? = nil) {
        self.bytes = bytes
        if let origin, !bytes.isEmpty { traces = [Trace(start: 0, end: bytes.count, origin: origin)] }
    }

    var count: Int { bytes.count }
    var isEmpty: Bool { bytes.isEmpty }
    var string: String { String(decoding: bytes, as: UTF8.self) }

    mutating func append(_ other: [UInt8]) { bytes += other }
    mutating func append(_ other: String) { bytes += other.utf8 }

    mutating func append(_ other: TracedText) {
        let shift = bytes.count
        bytes += other.bytes
        for trace in other.traces { add(Trace(start: trace.start + shift, end: trace.end + shift, origin: trace.origin)) }
    }

    private mutating func add(_ trace: Trace) {
        if let last = traces.last, last.end == trace.start, last.origin == trace.origin {
            traces[traces.count - 1].end = trace.end
        } else {
            traces.append(trace)
        }
    }

    static func + (left: TracedText, right: TracedText) -> TracedText {
        var sum = left
        sum.append(right)
        return sum
    }

    private func firstTrace(endingAfter place: Int) -> Int {
        var low = 0, high = traces.count
        while low < high {
            let middle = (low + high) / 2
            if traces[middle].end > place { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The bytes of a range, with their origins.
    subscript(range: Range<Int>) -> TracedText {
        if range.lowerBound == 0, range.upperBound == count { return self }
        var part = TracedText(Array(bytes[range]))
        for trace in traces[firstTrace(endingAfter: range.lowerBound)...] {
            if trace.start >= range.upperBound { break }
            let start = max(trace.start, range.lowerBound) - range.lowerBound
            part.add(Trace(start: start, end: min(trace.end, range.upperBound) - range.lowerBound, origin: trace.origin))
        }
        return part
    }

    /// The text with each stretch of one origin changed by itself.
    func mapped(_ change: (String) -> String) -> TracedText {
        var result = TracedText()
        var place = 0
        for trace in traces {
            result.append(change(String(decoding: bytes[place..<trace.start], as: UTF8.self)))
            result.append(TracedText(Array(change(String(decoding: bytes[trace.start..<trace.end], as: UTF8.self)).utf8), from: trace.origin))
            place = trace.end
        }
        result.append(change(String(decoding: bytes[place...], as: UTF8.self)))
        return result
    }

    /// The same bytes, all from one message if all that is traced is.
    func coveredByItsOrigin() -> TracedText {
        guard let first = traces.first?.origin, traces.allSatisfy({ $0.origin.message == first.message }) else { return self }
        return TracedText(bytes, from: first)
    }

    /// From the first to the last byte that came from message `number`.
    func extent(ofMessage number: Int) -> Range<Int>? {
        guard let first = traces.first(where: { $0.origin.message == number }), let last = traces.last(where: { $0.origin.message == number })
        else { return nil }
        return first.start..<last.end
    }

    /// What is written of a message before anything of the message `next` or a later one.
    func extent(ofMessage number: Int, before next: Int) -> Range<Int>? {
        guard let first = traces.first(where: { $0.origin.message == number }) else { return nil }
        let limit = traces.first { ($0.origin.message ?? -1) >= next && $0.start > first.start }?.start ?? .max
        return traces.last { $0.origin.message == number && $0.end <= limit }.map { first.start..<$0.end }
    }

    func holds(_ origin: TextOrigin) -> Bool { traces.contains { $0.origin == origin } }
}
