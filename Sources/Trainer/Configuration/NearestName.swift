/// Finds what somebody most likely meant to write.
package enum NearestName {
    /// The candidate closest to `word`, or nil where none is close enough to be a slip of it.
    ///
    /// Close enough means: at most a third of the letters differ (but two are always allowed in words of four letters and more), or one is the
    /// beginning of the other. Capitals, `-` and `_` do not count. Ties go to the first candidate.
    package static func of(_ word: String, among candidates: [String]) -> String? {
        let wanted = folded(word)
        guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let name = folded(candidate)
            var distance = editDistance(wanted, name)
            let limit = max(min(wanted.count, name.count) < 4 ? 1 : 2, name.count / 3)
            if distance > limit {
                guard min(wanted.count, name.count) >= 3, name.starts(with: wanted) || wanted.starts(with: name) else { continue }
                distance = limit + 1  // the weakest kind of likeness
            }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// The number of letters to insert, delete, replace or swap with their neighbour to turn one word into the other
    /// (optimal string alignment, the restricted Damerau-Levenshtein distance).
    package static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    private static func folded(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }
}
