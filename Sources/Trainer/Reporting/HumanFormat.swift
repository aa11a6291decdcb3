import Foundation

/// Numbers as people like to read them. The decimal separator is always a point, whatever the machine's language.
package enum HumanFormat {
    /// 1234567 as "1,234,567".
    package static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// A count in three digits: "987", "1.23 K", "135 M", "6.74 B".
    package static func count(_ number: Int) -> String {
        scaled(Double(number), base: 1000, units: ["", "K", "M", "B", "T"])
    }

    /// Bytes in three digits: "512 B", "1.5 KiB", "12.3 GiB".
    package static func bytes(_ number: Int) -> String {
        scaled(Double(number), base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    }

    /// Seconds in two units: "0.35 s", "12 s", "3m 05s", "1h 02m", "3d 04h".
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e15 else { return "?" }
        if seconds < 0 { return "-" + duration(-seconds) }
        if seconds < 9.95 { return significant(seconds, digits: 2) + " s" }
        func pair(_ large: Int, _ small: Int, _ units: (String, String)) -> String {
            "\(large)\(units.0) \(small < 10 ? "0" : "")\(small)\(units.1)"
        }
        let whole = Int(seconds.rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return pair(whole / 60, whole % 60, ("m", "s"))
        case ..<86400: return pair(whole / 3600, whole % 3600 / 60, ("h", "m"))
        default: return pair(whole / 86400, whole % 86400 / 3600, ("d", "h"))
        }
    }

    /// A number with that many significant digits, without an exponent as long as it reads well: "0.0123", "3.44", "39,400,000", "1.2e-07".
    package static func significant(_ number: Double, digits: Int = 4) -> String {
        guard number.isFinite else { return spelledNonFinite(number) }
        if number == 0 { return "0" }
        let rounded = Double(String(format: "%.\(digits - 1)e", number)) ?? number
        let magnitude = Int(floor(log10(abs(rounded)) + 1e-12))
        if magnitude < -4 || magnitude > 14 { return String(format: "%.\(digits - 1)e", number) }
        if magnitude >= digits - 1 { return grouped(Int(rounded)) }
        return String(format: "%.\(digits - 1 - magnitude)f", rounded)
    }

    /// With a fixed number of decimals: "2.3412".
    package static func fixed(_ number: Double, decimals: Int) -> String {
        number.isFinite ? String(format: "%.\(decimals)f", number) : spelledNonFinite(number)
    }

    /// With an exponent, as learning rates are written: "1.00e-04".
    package static func scientific(_ number: Double) -> String {
        number.isFinite ? String(format: "%.2e", number) : spelledNonFinite(number)
    }

    /// A share: 0.305 as "30.5 %".
    package static func percent(_ share: Double) -> String { fixed(share * 100, decimals: 1) + " %" }

    /// A part of a whole, in words where it is more: "61.4 %", "1,200 more".
    package static func share(of part: Int, in whole: Int) -> String {
        part > whole ? "\(grouped(part - whole)) more" : percent(Double(part) / Double(max(1, whole)))
    }

    private static func spelledNonFinite(_ number: Double) -> String { number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }

    private static func scaled(_ number: Double, base: Double, units: [String]) -> String {
        var value = abs(number)
        var unit = 0
        // 999.6 would be written as 1000.
        while unit + 1 < units.count, value.rounded() >= base || (unit > 0 && value >= 999.5) {
            value /= base
            unit += 1
        }
        let text = unit == 0 || value >= 99.95 ? String(format: "%.0f", value) : String(format: value >= 9.995 ? "%.1f" : "%.2f", value)
        return (number < 0 ? "-" : "") + text + (units[unit].isEmpty ? "" : " " + units[unit])
    }
}
