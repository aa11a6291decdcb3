import Foundation
import TestSupport
import Testing

@testable import Trainer

@Suite struct ReportTests {
    private func record(_ metrics: String, compression: String? = nil, sensitivity: String? = nil, facts: String? = nil) throws -> RunRecord {
        try GoldenFiles.withTemporaryDirectory { directory in
            try Data(metrics.utf8).write(to: URL(fileURLWithPath: directory + "/metrics.jsonl"))
            if let compression { try Data(compression.utf8).write(to: URL(fileURLWithPath: directory + "/compression.json")) }
            if let sensitivity {
                try FileManager.default.createDirectory(atPath: directory + "/sensitivity", withIntermediateDirectories: true)
                try Data(sensitivity.utf8).write(to: URL(fileURLWithPath: directory + "/sensitivity/sensitivity.svg"))
            }
            if let facts { try Data(facts.utf8).write(to: URL(fileURLWithPath: directory + "/run.json")) }
            return try RunRecord(directory: directory)
        }
    }

    /// A model of one matrix that keeps so many parameters.
    private func matrix(_ parameters: Int, fitted: Bool) -> String {
        #"[{"bonds":[1,20,1],\#(fitted ? #""held_error":0.2,"# : "")"in":64,"in_factors":[1,64],"kept":0.6,"name":"model.layers.1.self_attn.q_proj","out":64,"out_factors":[64,1],"parameters":\#(parameters),"relative_error":0.3}]"#
    }

    private static let metrics = """
        {"type":"evaluation","step":0,"stage":"dense","loss":2.0,"perplexity":7.4,"rows":3,"tokens":4000,"seconds":1}
        {"type":"evaluation","step":0,"stage":"dense","text":"wiki <1>","loss":3.0,"rows":3,"tokens":9000,"seconds":1}
        {"type":"evaluation","step":0,"stage":"truncated","loss":6.0,"rows":3,"tokens":4000,"seconds":1}
        {"type":"sample","step":0,"stage":"dense","prompt":"Who?","text":"<script>alert(1)</script> & \\u0000 'me'"}
        {"type":"step","step":1,"total_steps":4,"epoch":0,"loss":5.0,"learning_rate":1e-4,"grad_norm":1,"tokens":100,"trained_tokens":60,"tokens_per_second":50,"seconds":2,"memory_bytes":1000000}
        {"type":"step","step":3,"total_steps":4,"epoch":0,"loss":3.5,"learning_rate":5e-5,"grad_norm":1,"tokens":100,"trained_tokens":60,"tokens_per_second":50,"seconds":2,"memory_bytes":null}
        {"type":"evaluation","step":3,"stage":"healing","loss":3.0,"rows":3,"tokens":4000,"seconds":1}
        nonsense
        {"type":"step","step":4,"total_
        """

    @Test func numbersOfARun() throws {
        let run = try record(Self.metrics)
        #expect(run.steps.count == 2 && run.lastStep == 3 && run.totalSteps == 4 && run.unreadable == 2)
        #expect(run.sets == [nil, "wiki <1>"])
        #expect(run.recovered(on: nil) == 0.75 && run.recovered(on: "wiki <1>") == nil)
        // Every second step is logged: an entry stands for one and a half.
        #expect(run.healing(on: nil).map(\.tokens) == [0, 300])
        #expect(run.tokens == 300 && run.seconds == 6 && run.peakMemory == 1e6)
        #expect(run.smoothedLoss(width: 3) == [4.25, 4.25])
        #expect(run.joules == nil && !ReportPage([run]).html.contains("energy"))
        let metered = try record(Self.metrics.replacingOccurrences(of: "\"seconds\":2,", with: "\"seconds\":2,\"joules\":400,"))
        #expect(metered.joules == 1200 && ReportPage([metered]).html.contains("energy, kJ"))
    }

    /// Steps 3, 6 and 9 are logged: each stands for three, and the last also for the steps after it, as far as the evaluations tell of them.
    @Test func stepsBetweenEntries() throws {
        let steps = [(3, 100), (6, 200), (9, 400)].map { #"{"type":"step","step":\#($0),"total_steps":20,"loss":1,"tokens":\#($1),"seconds":2}"# }
        let looked = #"{"type":"evaluation","step":10,"stage":"healing","loss":3.0,"rows":3,"tokens":4000}"#
        let run = try record((steps + [looked]).joined(separator: "\n"))
        #expect(run.lastStep == 10 && run.tokens == 300 + 600 + 4 * 400 && run.seconds == 20)
        #expect(run.tokens(upTo: 2) == 200 && run.tokens(upTo: 7) == 300 + 600 + 400)
        // The end of the run knows.
        let end = #"{"type":"end","step":11,"ending":"stopped","total_steps":20,"tokens":8609,"seconds":0.5}"#
        let ended = try record((steps + [looked, end]).joined(separator: "\n")), page = ReportPage([ended]).html
        #expect(ended.lastStep == 11 && ended.tokens == 8609 && ended.seconds == 0.5)
        #expect(page.contains("<td>11</td><td>8.61 K</td><td>0.50 s</td>") && page.contains("stands at step 11 of 20"), "\(page)")
    }

    /// What is called healed is the model that the run hands over.
    @Test func bestStepIsTheHealedModel() throws {
        let last = #"{"type":"evaluation","step":4,"stage":"healing","loss":5.0,"rows":3,"tokens":4000,"seconds":1}"#
        func run(_ resultStep: String) throws -> RunRecord {
            let end = #"{"type":"end","step":4,"ending":"early","total_steps":20,\#(resultStep)"tokens":400,"seconds":8}"#
            return try record(Self.metrics + "\n" + last + "\n" + end)
        }
        let best = try run(#""result_step":3,"#), page = ReportPage([best]).html
        #expect(best.loss("healing", on: nil) == 3 && best.recovered(on: nil) == 0.75)
        #expect(page.contains("stopped early, after step 4 of 20; the healed model is that of step 3, the best") && !page.contains("stands at"))
        let plain = try run("")
        #expect(plain.loss("healing", on: nil) == 5 && !ReportPage([plain]).html.contains("the healed model is that"))
    }

    /// Without rows there is no output error: the picture says what it shows.
    @Test func errorsAreNamed() throws {
        let plain = ReportPage([try record(Self.metrics, compression: matrix(2560, fitted: false))]).html
        #expect(plain.contains("Relative error of the matrices, no rows looked at (full colour: 0.30)") && plain.contains("relative error of the matrix 0.300"))
        #expect(!plain.contains("rows not fitted"))
        let fitted = ReportPage([try record(Self.metrics, compression: matrix(2560, fitted: true))]).html
        #expect(fitted.contains("Output error on rows not fitted (full colour: 0.20)") && !fitted.contains("Relative error"))
    }

    @Test func pageIsWholeAndSafe() throws {
        let matrix = #"[{"bonds":[1,20,1],"fitted_error":0.1,"held_error":0.2,"in":64,"in_factors":[1,64],"kept":0.6,"name":"model.layers.1.self_attn.q_proj","out":64,"out_factors":[64,1],"parameters":2560,"relative_error":0.3}]"#
        let run = try record(Self.metrics, compression: matrix), page = ReportPage([run, run]).html
        #expect(!page.contains("<script>"))
        let sample = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \u{FFFD} &#39;me&#39;"
        #expect(page.contains(sample), "\(page.suffix(300))")
        for part in ["stands at step 3 of 4", "2 lines of its metrics", "75.0 %", "2.718", "wiki &lt;1&gt;", "60.0 % kept, legs (64x1) (1x64), bonds 20, output error 0.2"] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.components(separatedBy: "<svg").count == page.components(separatedBy: "</svg>").count)
        #expect(!page.contains("nan\"") && !page.contains(" nan") && !page.contains("http"))
    }

    private static let facts = #"""
        {"model":"models/<tiny>","family":"llama","blocks":2,"hidden":64,"vocabulary":512,"denseParameters":1000,"parameters":600,"files":[{"path":"a.jsonl","format":"alpaca","rows":7,"bytes":900,"content":"ab"}],
        "heldBackRows":3,"totalSteps":4,"settings":{"learning_rate":"0.008"},"sessions":[{"began":"2026-01-02T03:04:05Z","step":0,"program":"heal 9","processor":"Abacus","threads":2,"ranks":1,"dtype":"fp32","libraries":"x"}]}
        """#

    @Test func saysWhatWasRun() throws {
        let page = ReportPage([try record(Self.metrics, facts: Self.facts)]).html
        for part in ["models/&lt;tiny&gt;", "llama, 2 blocks", "a.jsonl: alpaca, 7 rows, 900 B", "learning_rate 0.008", "fp32 on 2 threads, Abacus", "2026-01-02T03:04:05Z", "heal 9", "60.0 %", "1.95 KiB dense"] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(ReportPage([try record(Self.metrics)]).html.contains("left no run.json"))
        #expect(ReportPage([try record(Self.metrics, facts: "{")]).html.contains("left no run.json"))
    }

    /// Losses on other rows, of another model or after other data are marked as such.
    @Test func marksWhatCannotBeCompared() throws {
        let one = try record(Self.metrics, facts: Self.facts)
        let otherRows = try record(Self.metrics.replacingOccurrences(of: "\"rows\":3,\"tokens\":4000", with: "\"rows\":9,\"tokens\":5000"), facts: Self.facts)
        #expect(!ReportPage([one, one]).html.contains("†"))
        #expect(ReportPage([one, otherRows]).html.contains("cannot be compared: looked at 9 rows with 5,000 tokens"))
        let otherModel = try record(Self.metrics.replacingOccurrences(of: "\"loss\":2.0", with: "\"loss\":2.5"), facts: Self.facts.replacingOccurrences(of: "\"hidden\":64", with: "\"hidden\":65"))
        let page = ReportPage([one, otherModel]).html
        #expect(page.contains("another model, other rows, or another type") && page.contains("is of another model than"))
        let otherData = try record(Self.metrics, facts: Self.facts.replacingOccurrences(of: "\"ab\"", with: "\"ac\""))
        #expect(ReportPage([one, otherData]).html.contains("was trained on other data"))
        let use = #""content":"ab","weight":2,"columns":{"prompt":"<q>","completion":"a"},"split":"validation""#
        let otherUse = ReportPage([one, try record(Self.metrics, facts: Self.facts.replacingOccurrences(of: #""content":"ab""#, with: use))]).html
        #expect(otherUse.contains("took the same files otherwise") && !otherUse.contains("was trained on other data"))
        let words = #"a.jsonl: alpaca, 7 rows, 900 B, split "validation", weight 2, columns {"completion":"a","prompt":"<q>"}"#
        #expect(otherUse.contains(HTML.escaped(words)), "\(otherUse)")
        #expect(!ReportPage([one, one]).html.contains("took the same files"))
    }

    @Test func sharesInWords() throws {
        func page(_ healed: String, tokens: String = "4000") throws -> String {
            let metrics = Self.metrics.replacingOccurrences(of: "\"stage\":\"healing\",\"loss\":3.0", with: "\"stage\":\"healing\",\"loss\":\(healed)")
            return ReportPage([try record(metrics.replacingOccurrences(of: "\"tokens\":4000", with: "\"tokens\":\(tokens)"))]).html
        }
        #expect(try page("1.5").contains("all, and the loss is 0.500 lower than dense") && !page("1.5").contains("112.5 %"))
        #expect(try page("7").contains("none: the loss is 1.000 higher than truncated"))
        #expect(try page("3.0", tokens: "25").contains("too few tokens to tell") && !page("3.0", tokens: "25").contains("75.0 %"))
    }

    /// The truncated model's words stand between those of the dense and the healed one, and values appear under the pointer.
    @Test func samplesAndValues() throws {
        let samples = [("dense", 0), ("truncated", 0), ("healing", 3)].map { #"{"type":"sample","step":\#($1),"stage":"\#($0)","prompt":"Who?","text":"says \#($0)"}"# }
        let page = ReportPage([try record(Self.metrics + "\n" + samples.joined(separator: "\n"))]).html
        let places = ["says dense", "says truncated", "says healing"].compactMap { page.range(of: $0)?.lowerBound }
        #expect(places.count == 3 && places == places.sorted() && page.contains("<h3>step 3</h3>"))
        #expect(page.contains("step 3, nats a token 3.500</title>") && page.contains("aria-label=\"Training loss by step, nats a token: "))
    }

    /// A better start counts: what was won back is a share of what plain TT-SVD of the same size loses.
    @Test func shareOfPlainRise() throws {
        let run = try record(Self.metrics, compression: matrix(2560, fitted: true))
        let worse = Self.metrics.replacingOccurrences(of: "\"loss\":6.0", with: "\"loss\":12.0")
        let plain = try record(worse, compression: matrix(2560, fitted: false))
        #expect(plain.isPlain && !run.isPlain && run.recovered(on: nil, ofRiseIn: plain) == 0.9)
        #expect(run.recovered(on: "wiki <1>", ofRiseIn: plain) == nil && run.recovered(on: nil, ofRiseIn: run) == nil)
        #expect(run.recovered(on: nil, ofRiseIn: try record(worse, compression: matrix(1280, fitted: false))) == nil)
        let page = ReportPage([run, plain]).html
        #expect(page.contains("of plain TT-SVD&#39;s rise") && page.contains("90.0 %"))
        // A few tokens tell as little here as beside it.
        func few(_ metrics: String) -> String { metrics.replacingOccurrences(of: "\"tokens\":4000", with: "\"tokens\":876") }
        let fewTokens = ReportPage([
            try record(few(Self.metrics), compression: matrix(2560, fitted: true)), try record(few(worse), compression: matrix(2560, fitted: false)),
        ]).html
        #expect(fewTokens.contains("too few tokens to tell") && !fewTokens.contains("90.0 %") && !fewTokens.contains("75.0 %"))
        #expect(!ReportPage([run]).html.contains("plain TT-SVD"))
    }

    /// Runs of several sizes: how much each wins back, of its own rise or, beside plain runs of those sizes, of theirs.
    @Test func recoveryAgainstSize() throws {
        let better = Self.metrics.replacingOccurrences(of: "\"loss\":3.0,\"rows\":3,\"tokens\":4000", with: "\"loss\":2.4,\"rows\":3,\"tokens\":4000")
        let small = try record(Self.metrics, compression: matrix(2458, fitted: true)), large = try record(better, compression: matrix(3277, fitted: true))
        let page = ReportPage([large, small]).html
        // 75 % of the rise at 60 % of the parameters, 90 % of it at 80 %: the ends of both axes.
        #expect(page.contains("Rise in loss won back</figcaption>") && page.contains("M52.0 224.0L428.0 26.0\"><title>held-back rows"))
        #expect(!ReportPage([small, small]).html.contains("Rise in loss won back</figcaption>"))
        let plain = try record(Self.metrics.replacingOccurrences(of: "\"loss\":6.0", with: "\"loss\":12.0"), compression: matrix(2458, fitted: false))
        #expect(ReportPage([large, small, plain]).html.contains("Of plain TT-SVD&#39;s rise in loss not there any more"))
    }

    /// The picture is shown as an image, so a script in it does not run.
    @Test func sensitivityPicture() throws {
        let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"
        let page = ReportPage([try record(Self.metrics, sensitivity: picture)]).html
        #expect(page.contains("<img src=\"data:image/svg+xml;base64,\(Data(picture.utf8).base64EncodedString())\"") && !page.contains("<script>"))
        #expect(!ReportPage([try record(Self.metrics)]).html.contains("<h2>Sensitivity"))
    }

    /// Whatever is in the files, there is a page or an error.
    @Test func strangeFiles() throws {
        for metrics in [
            "", "\n\n", "[1,2]", "{}", #"{"type":"step","step":9223372036854775807,"loss":1e308,"tokens":9223372036854775807,"total_steps":-5}"#,
            #"{"type":"step","step":1,"loss":1,"seconds":-1,"memory_bytes":1e300}"#,
            #"{"type":"end","step":-9223372036854775808,"ending":"early","total_steps":-1,"result_step":-7,"tokens":-5,"seconds":-1e308}"#,
            #"{"type":"end","step":1,"ending":"never","total_steps":2,"tokens":5,"seconds":1}"#,
            #"{"type":"evaluation","step":-3,"stage":"dense","loss":-1e308}"# + "\n" + #"{"type":"evaluation","step":2,"stage":"healing","loss":1e308,"text":""}"#,
        ] {
            let page = ReportPage([try record(metrics)]).html
            #expect(page.hasSuffix("</body></html>\n"))
        }
        #expect(throws: HealError.self) { try record("", compression: "{") }
        #expect(throws: HealError.self) { try RunRecord(directory: "/nowhere") }
    }

    @Test func axes() {
        #expect(Axis([0, 10], isLogarithmic: false).ticks == [0, 2, 4, 6, 8, 10])
        #expect(Axis([7, 2_000_000], isLogarithmic: true).ticks == [10, 100, 1000, 10_000, 100_000, 1_000_000])
        #expect(Axis([3, 60], isLogarithmic: true).ticks == [5, 10, 20, 50])
        let flat = Axis([5, 5], isLogarithmic: false)
        #expect(flat.place(5) == 0.5 && flat.ticks.count > 2)
        let narrow = Axis([7.2, 7.21], isLogarithmic: true)
        #expect(narrow.ticks.count >= 2 && narrow.ticks.allSatisfy { (0...1).contains(narrow.place($0)) })
        #expect(Axis([0, 0.5], isLogarithmic: false).text(0.30000000000000004) == "0.3")
        #expect(Axis([0, 5000], isLogarithmic: false).text(2000) == "2000")
        #expect(Axis([0, 1e6], isLogarithmic: false).ticks.map(flat.text) == ["0", "200 K", "400 K", "600 K", "800 K", "1 M"])
    }

    /// Everything that is drawn lies inside the frame, also with points that cannot be drawn.
    @Test func curvesStayInside() throws {
        let plot = Plot(title: "t", xLabel: "x", curves: [
            .init("a", [(1, 3), (2, .infinity), (3, 0), (4, 900), (5, .nan)], color: 0), .init("none", [(1, -1)], color: 1),
        ], isLogarithmic: true)
        let svg = try #require(plot.svg)
        #expect(svg.contains("M52.0 224.0L428.0 26.0") && !svg.contains("none</title>"))
        #expect(Plot(title: "t", xLabel: "x", curves: []).svg == nil)
    }

    /// The control has the size of the run, starts from the whitened low-rank SVD and writes beside it.
    @Test func control() throws {
        var configuration = Configuration()
        configuration.outputDirectory = "runs/x"
        let control = configuration.control(.svd)
        #expect(control.outputDirectory == "runs/x-control-svd" && control.compression.legs == .lowRank && control.compression.budget == .uniform)
        #expect(control.compression.calibration.metric == .output && control.compression.keep == configuration.compression.keep)
        configuration.distillation.weight = 0.5
        let plain = configuration.control(.plain)
        #expect(plain.outputDirectory == "runs/x-control-plain" && plain.compression.initialization == .svd && plain.compression.legs == .balanced)
        #expect(plain.distillation.weight == 0 && plain.compression.keep == configuration.compression.keep)
    }
}
