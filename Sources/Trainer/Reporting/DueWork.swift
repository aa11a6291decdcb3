/// Work that is due every so many steps, and after the last one.
package enum DueWork {
    /// How often it is due after `step` and up to the end.
    ///
    /// - Parameter every: nil is at the end only.
    package static func count(every: Int?, after step: Int = 0, of total: Int) -> Int {
        guard step < total else { return 0 }
        let every = max(1, every ?? total)
        return total / every - step / every + (total % every == 0 ? 0 : 1)
    }
}
