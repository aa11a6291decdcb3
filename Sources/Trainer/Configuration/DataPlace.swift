import Basics
import Foundation

/// What is wrong with a path that should name a file of rows, and what to do.
enum DataPlace {
    /// For something that exists; nil where it is a file.
    static func complaint(about path: String) -> String? {
        guard let problem = InputFile.problem(at: path) else { return nil }
        guard problem == .notAFile("a directory") else { return "\(path) \(problem.words)" }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.filter(looksLikeRows).sorted() ?? []
        let example = names.first.map { ", such as \((path as NSString).appendingPathComponent($0))" } ?? ""
        return "\(path) is a directory; expected a .jsonl, .json, .txt or .gz file\(example)"
    }

    /// For something that does not exist: an address or a name on a hub is another thing than a misspelt path.
    static func complaint(aboutMissing path: String, places: String) -> String {
        if let scheme = path.firstRange(of: "://").map({ String(path[..<$0.lowerBound]) }) {
            return "\(path) is an address (\(scheme)); files are read from disk alone: fetch it, and name the file"
        }
        guard !looksLikeRows(path), let name = HubName(path)?.repository else { return "no such file: \(places). datasets/README.md says how to get it" }
        return "no such file: \(places). If it is the name of a data set on the Hugging Face hub, fetch it first: python3 -c 'import datasets; "
            + "datasets.load_dataset(\"\(name)\", split=\"train\").to_json(\"rows.jsonl\")', and name rows.jsonl"
    }

    private static func looksLikeRows(_ name: String) -> Bool {
        [".jsonl", ".json", ".txt", ".jsonl.gz", ".json.gz", ".txt.gz"].contains { name.hasSuffix($0) }
    }
}
