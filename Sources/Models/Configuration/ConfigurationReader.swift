import Basics

/// Takes values out of `config.json` or GGUF metadata and collects what is wrong with them, so that all of it is reported at once.
struct ConfigurationReader {
    let file: String
    /// Name of a value in this kind of file, for messages.
    let lookup: (String) -> JSONValue?
    private(set) var problems: [ConfigurationError.Problem] = []

    init(file: String, lookup: @escaping (String) -> JSONValue?) {
        self.file = file
        self.lookup = lookup
    }

    mutating func report(_ place: String, _ message: String) {
        let problem = ConfigurationError.Problem(place: place, message: message)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// Whether anything is wrong with one of these values, so that checks across them would only add noise.
    func hasProblem(_ keys: String...) -> Bool { problems.contains { keys.contains($0.place) } }

    /// nil for an absent key and for null.
    func value(_ key: String) -> JSONValue? {
        guard let value = lookup(key), !value.isNull else { return nil }
        return value
    }

    /// Sizes far beyond any model are refused, so that products of two of them cannot overflow.
    static let maximumSize = 1 << 30

    /// A whole number from 1; without a default, an absent key is a problem.
    mutating func size(_ key: String, default fallback: Int? = nil) -> Int {
        guard let value = value(key) else {
            if let fallback { return fallback }
            report(key, "is missing")
            return 1
        }
        guard let size = value.int, 1...Self.maximumSize ~= size else {
            report(key, "must be a whole number from 1 to \(Self.maximumSize), not \(shown(value))")
            return 1
        }
        return size
    }

    /// A number above zero that single precision can hold.
    mutating func positive(_ key: String, default fallback: Double) -> Double {
        guard let value = value(key) else { return fallback }
        guard let number = value.double, number > 0, Float(number).isNormal else {
            report(key, "must be a number above zero that float32 can hold, not \(shown(value))")
            return fallback
        }
        return number
    }

    mutating func flag(_ key: String, default fallback: Bool) -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.bool else {
            report(key, "must be true or false, not \(shown(value))")
            return fallback
        }
        return flag
    }

    /// Token ids: a number or a list of them.
    mutating func tokens(_ key: String) -> [Int] {
        guard let value = value(key) else { return [] }
        let elements = value.array ?? [value]
        let ids = elements.compactMap(\.int).filter { 0...Int(Int32.max) ~= $0 }
        if ids.count != elements.count { report(key, "must be a token id or a list of them, not \(shown(value))") }
        return ids
    }

    func shown(_ value: JSONValue) -> String { String(value.text(indented: false).prefix(60)) }
}
