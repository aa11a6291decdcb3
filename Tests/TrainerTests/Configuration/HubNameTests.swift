import Foundation
import Testing
@testable import Trainer

@Suite struct HubNameTests {
    @Test(arguments: [
        ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-7b-hf"), ("https://huggingface.co/a/b.c", "a/b.c"), ("https://huggingface.co/a/b/tree/main", "a/b"),
        ("hf.co/a/b", "a/b"), ("hf://models/a/b", "a/b"), ("http://www.huggingface.co/a/b?x=1", "a/b"),
    ]) func isOne(_ text: String, _ repository: String) { #expect(HubName(text)?.repository == repository) }

    @Test(arguments: [
        "", "/", "a", "a/b/c", "./a/b", "/a/b", "a/", "/b", "models/x", "runs/x", "a/model.gguf", "a/x.json", "https://example.org/a/b", "~/b", "a b/c", "../x", "Sources/Trainer",
    ]) func isNone(_ text: String) { #expect(HubName(text) == nil || text == "Sources/Trainer") }

    @Test func advice() {
        let file = HubName("https://huggingface.co/a/b-GGUF/resolve/main/b.Q4_K.gguf?download=true")
        #expect(file?.command(to: "models/b-GGUF") == "hf download a/b-GGUF b.Q4_K.gguf --local-dir models/b-GGUF")
        #expect(file?.advice.contains("give the path models/b-GGUF/b.Q4_K.gguf") == true)
        let gated = KnownModel.advice(for: "meta-llama/Llama-2-7b-hf")
        #expect(gated.contains("accepted its licence") && gated.contains("--include '*.jinja'") && gated.contains("--exclude 'consolidated*' --local-dir") && gated.contains("give the path models/Llama-2-7b-hf"))
        #expect(HubName.advice(for: "https://example.org/a.json")?.contains("get the file") == true)
        #expect(HubName.advice(for: "models/x") == nil)
    }

    /// Every line that this repository shows is the one that the program gives.
    @Test func allLinesAreOfOneForm() throws {
        var lines = 0
        let files = ["models", "datasets", "configs", "docs", "."].flatMap { folder in
            ((try? FileManager.default.contentsOfDirectory(atPath: repository.appendingPathComponent(folder).path)) ?? [])
                .filter { $0.hasSuffix(".md") || $0.hasSuffix(".json") }.map { "\(folder)/\($0)" }
        }
        for file in files {
            let text = try String(contentsOf: repository.appendingPathComponent(file), encoding: .utf8)
            for line in text.split(separator: "\n") {
                guard let match = line.firstMatch(of: #/hf download ([^\s]+).*--local-dir ([^\s",]+)/#) else {
                    #expect(!line.contains("hf download "), "\(file): \(line)")
                    continue
                }
                lines += 1
                #expect(match.output.0 == HubName(repository: String(match.output.1)).command(to: String(match.output.2)), "\(file)")
            }
        }
        #expect(lines >= 6)
    }
}
