import Storage
import TestSupport
import Trainer

/// A copy of a checkpoint that is sealed like any other, with something in it changed.
struct ForgedCheckpoint {
    /// By their place.
    var texts: [String: (String) -> String] = [:]
    var numbers: [String: ([Float]) -> [Float]] = [:]
    /// By `place@name`.
    var integers: [String: Int] = [:]
    var words: [String: String] = [:]
    /// Datasets besides those that there are.
    var more: [String: [Float]] = [:]

    func write(_ original: String, to path: String) throws {
        let old = try SealedFile.open(original), new = try SealedFile.create(path)
        try copyAttributes("/", old, new)
        for name in try old.children() { try copy(name, old, new) }
        for (place, values) in more { try new.write(values, at: place) }
        try new.close()
        try SealedFile.seal(path)
    }

    private func copy(_ place: String, _ old: HDF5File, _ new: HDF5File) throws {
        if let names = try? old.children(of: place) {
            try new.createGroup(place)
            for name in names { try copy("\(place)/\(name)", old, new) }
        } else if let text = try? old.readText(place) {
            try new.writeText(texts[place]?(text) ?? text, at: place)
        } else if let values = try? old.read(place, as: Float.self) {
            try new.write(numbers[place]?(values) ?? values, shape: old.shape(of: place), at: place)
        } else if let values = try? old.read(place, as: UInt8.self) {
            try new.write(values, shape: old.shape(of: place), at: place)
        } else if let values = try? old.read(place, as: UInt16.self) {
            try new.write(values, shape: old.shape(of: place), at: place)
        } else {
            try new.write(old.read(place, as: Int64.self), shape: old.shape(of: place), at: place)
        }
        try copyAttributes(place, old, new)
    }

    private func copyAttributes(_ place: String, _ old: HDF5File, _ new: HDF5File) throws {
        for name in ["format", "type", "dtype", "dense_model"] {
            guard let value = try old.stringAttribute(name, at: place) else { continue }
            try new.setAttribute(name, words["\(place)@\(name)"] ?? value, at: place)
        }
        for name in ["version", "step", "complete"] {
            guard let value = try old.intAttribute(name, at: place) else { continue }
            try new.setAttribute(name, integers["\(place)@\(name)"] ?? value, at: place)
        }
    }
}
