import Basics
import Foundation

/// What is wrong with a path that should name a file of rows, and what to do.
package enum DataPlace {
    /// For something that exists; nil where it is a file.
    static func complaint(about path: String) -> String? {
        guard let problem = InputFile.problem(at: path) else { return nil }
        guard problem == .notAFile("a directory") else { return "\(path) \(problem.words)" }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.filter(looksLikeRows).sorted() ?? []
        let example = names.first.map { ", such as \((path as NSString).appendingPathComponent($0))" } ?? ""
        return "\(path) is a directory; expected a .jsonl, .json, .txt or .gz file\(example)"
    }

    /// For something that does not exist: an address or a name on a hub is another thing than a misspelt path.
    ///
    /// - Parameter places: where it was looked for.
    package static func complaint(aboutMissing path: String, places: String) -> String {
        if let scheme = path.firstRange(of: "://").map({ String(path[..<$0.lowerBound]) }) {
            return "\(path) is an address (\(scheme)); files are read from disk alone: fetch it, and name the file"
        }
        guard !looksLikeRows(path), let name = HubName(path)?.repository else { return "no such file: \(places). datasets/README.md says how to get it" }
        return "no such file: \(places). If it is the name of a data set on the Hugging Face hub, fetch it first: python3 -c 'import datasets; "
            + "datasets.load_dataset(\"\(name)\", split=\"\(splits[name] ?? "train")\").to_json(\"rows.jsonl\")', and name rows.jsonl"
    }

    /// The split to train on, of data sets that have none of the usual name.
    private static let splits = ["HuggingFaceH4/ultrachat_200k": "train_sft"]

    private static func looksLikeRows(_ name: String) -> Bool {
        [".jsonl", ".json", ".txt", ".jsonl.gz", ".json.gz", ".txt.gz"].contains { name.hasSuffix($0) }
    }
}
