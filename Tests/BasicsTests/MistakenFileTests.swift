import Basics
import Testing

@Suite struct MistakenFileTests {
    private func explanation(_ text: String, _ expected: MistakenFile.Expected = .text) -> String? {
        MistakenFile.explanation(of: text.utf8, expected: expected)
    }

    @Test func pointersOfGitLFS() throws {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1044992\n"
        for expected in [MistakenFile.Expected.text, .binary] {
            let words = try #require(explanation(pointer, expected))
            #expect(words.contains("Git LFS") && words.contains("git lfs pull"))
        }
    }

    @Test func webPages() {
        for page in ["<!DOCTYPE html><html>", "\n <HTML lang=en>", "\u{FEFF}<?xml version=\"1.0\"?><Error>"] { #expect(explanation(page)?.contains("HTML") == true) }
    }

    @Test func archivesAndPickles() {
        #expect(explanation("PK\u{3}\u{4}rest", .binary)?.contains("safetensors") == true)
        #expect(MistakenFile.explanation(of: [0x80, 0x02, 0x8A, 0x0A, 0x6C], expected: .binary)?.contains("PyTorch") == true)
        #expect(MistakenFile.explanation(of: [0x28, 0xB5, 0x2F, 0xFD, 0, 0], expected: .text)?.contains("zstd") == true)
    }

    @Test func nothingAtAll() {
        #expect(explanation("")?.contains("empty") == true)
        #expect(MistakenFile.explanation(of: [UInt8](repeating: 0, count: 4096), expected: .binary)?.contains("zeros") == true)
    }

    @Test func messagesOfServers() {
        let message = #"{"error":"Access to model meta-llama/Llama-2-7b is restricted"}"#
        #expect(explanation(message, .binary)?.contains("Access to model") == true)
        #expect(explanation(message, .text) == nil)
    }

    @Test func realFilesPass() {
        for text in [#"{"a": 1}"#, "Hello <html>", "version 2", "#version: 0.2\ne r\n"] { #expect(explanation(text) == nil) }
        #expect(MistakenFile.explanation(of: [8, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], expected: .binary) == nil)
        #expect(MistakenFile.explanation(of: Array("GGUF".utf8) + [3, 0, 0, 0], expected: .binary) == nil)
    }
}
