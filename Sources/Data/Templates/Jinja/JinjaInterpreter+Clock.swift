/// The date of templates. Equal data are to give equal tokens on every day, so there is no clock: a template that asks whether `strftime_now` is
/// defined hears that it is not, and writes the date it falls back on; one that does not ask gets the date that Llama 3.1 falls back on.
extension JinjaInterpreter {
    /// Friday, 26 July 2024, midnight, by the directives of C's `strftime`.
    private static let directives: [Character: String] = [
        "a": "Fri", "A": "Friday", "b": "Jul", "B": "July", "d": "26", "F": "2024-07-26", "H": "00", "I": "12", "j": "208", "m": "07", "M": "00", "p": "AM",
        "S": "00", "T": "00:00:00", "y": "24", "Y": "2024", "%": "%",
    ]

    func date(_ format: String) throws(JinjaError) -> String {
        var written = "", rest = format.makeIterator()
        while let character = rest.next() {
            guard character == "%" else {
                written.append(character)
                continue
            }
            guard let letter = rest.next(), let part = Self.directives[letter] else {
                throw failure(.unsupported, "of the directives of `strftime_now`, only %\(Self.directives.keys.sorted().map(String.init).joined(separator: ", %")) are supported")
            }
            written += part
        }
        return written
    }
}

extension JinjaValue {
    var isClock: Bool {
        if case .function(.global(.clock)) = self { true } else { false }
    }
}
