import Foundation
@testable import HealData
import Testing

/// Sources that would run for ever, fill the memory or overrun the stack. All end with an error, soon, on the small stack of a worker thread.
@Suite(.serialized) struct JinjaLimitTests {
    private static func nested(_ opening: String, _ middle: String, _ closing: String, _ count: Int) -> String {
        String(repeating: opening, count: count) + middle + String(repeating: closing, count: count)
    }

    private static let big = "{% set a = 'a' * 1000000 %}"
    private static let wide = "{% set w = [1] * 100000 %}"

    /// What is too deep for the parser, whatever stands in it.
    static let deep: [(String, String)] = [
        ("brackets", "{{ " + nested("(", "1", ")", 5000) + " }}"),
        ("lists", "{{ " + nested("[", "1", "]", 5000) + " }}"),
        ("objects", "{{ " + nested("{'a':", "1", "}", 5000) + " }}"),
        ("subscripts", "{{ " + nested("a[", "1", "]", 5000) + " }}"),
        ("calls", "{{ " + nested("a(", "1", ")", 5000) + " }}"),
        ("filters in arguments", "{{ " + nested("1|default(", "1", ")", 5000) + " }}"),
        ("tests in arguments", "{{ " + nested("1 is eq(", "1", ")", 5000) + " }}"),
        ("minus signs", "{{ " + String(repeating: "- ", count: 5000) + "1 }}"),
        ("choices after `else`", "{{ " + String(repeating: "1 if 0 else ", count: 50000) + "1 }}"),
        ("choices without `else`", "{{ 1" + String(repeating: " if 1", count: 100_000) + " }}"),
        ("conditions", nested("{% if 1 %}", "x", "{% endif %}", 5000)),
        ("loops", nested("{% for a in [1] %}", "x", "{% endfor %}", 5000)),
        ("macros", nested("{% macro a() %}", "x", "{% endmacro %}", 5000)),
        ("filter blocks", nested("{% filter upper %}", "x", "{% endfilter %}", 5000)),
        ("names in brackets", "{% set " + nested("(", "a", ",)", 5000) + " = 1 %}"),
        ("blocks that are never closed", String(repeating: "{% if 1 %}{% for a in b %}", count: 20000)),
    ]

    /// What is refused while it runs.
    static let endless: [(String, String)] = [
        ("loops in loops", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
        ("a large range", "{{ range(100001) | length }}"),
        ("a range from end to end", "{{ range(-9223372036854775807, 9223372036854775807) | length }}"),
        ("many ranges", "{% set n = namespace(x=[]) %}{% for i in range(99999) %}{% set n.x = [n.x, range(99999) | list] %}{% endfor %}"),
        ("macros that call themselves", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
        ("macros that call each other", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ g() }}"),
        ("a macro that calls itself twice", "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(24) }}"),
        ("callers in callers", "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{% call f() %}{% endcall %}"),
        ("text a billion times", "{{ 'a' * 10 ** 9 }}"),
        ("text 2^63 times", "{{ 'a' * 9223372036854775807 }}"),
        ("an empty text 2^63 times", "{{ '' * 9223372036854775807 }}"),
        ("a list a billion times", "{{ ([1] * 10 ** 9) | length }}"),
        ("a tuple a billion times", "{{ ((1,) * 10 ** 9) | length }}"),
        ("text doubled", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}"),
        ("text doubled by `~`", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}"),
        ("text doubled by a block", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}"),
        ("text doubled by `format`", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = '{0}{0}'.format(n.s) %}{% endfor %}"),
        ("text doubled by `%`", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = '%s%s' % (n.s, n.s) %}{% endfor %}"),
        ("text doubled by `replace`", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s.replace('a', 'aa') %}{% endfor %}"),
        ("text doubled by `join`", "{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = [n.s, n.s] | join %}{% endfor %}"),
        ("text doubled by `tojson`", "{% set n = namespace(s='\"') %}{% for i in range(100) %}{% set n.s = n.s | tojson %}{% endfor %}"),
        ("a list doubled", "{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}"),
        ("a list of itself twice", "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}"),
        ("an object of itself twice", "{% set n = namespace(s={}) %}{% for i in range(60) %}{% set n.s = dict(a=n.s, b=n.s) %}{% endfor %}"),
        ("a list in a list in a list", "{% set n = namespace(s=[]) %}{% for i in range(99999) %}{% set n.s = [n.s] %}{% endfor %}"),
        ("lists by lines of the source", "{% set l = [1] %}" + String(repeating: "{% set l=[l] %}", count: 50000)),
        ("lists by filters", "{{ [1]" + String(repeating: "|batch(1)|list", count: 50000) + " }}"),
        ("objects by filters", "{{ {'a': 1}" + String(repeating: "|items|list|groupby(0)", count: 30000) + " }}"),
        ("namespaces in a chain", "{% set n = namespace(s=0) %}{% for i in range(99999) %}{% set n.s = namespace(s=n.s) %}{% endfor %}"),
        ("a namespace in itself", "{% set n = namespace() %}{% set n.n = n %}"),
        ("macros in a chain", "{% set n = namespace(f=0) %}{% macro m(f) %}{% macro g() %}{{ f }}{% endmacro %}{% set n.f = g %}{% endmacro %}{{ m(n.f) }}"),
        ("JSON of a wide list, far indented", wide + "{{ [w, w, w, w, w] | tojson(indent=999) }}"),
        ("JSON with long separators", big + wide + "{{ w | tojson(separators=(a, a)) }}"),
        ("JSON far indented by text", big + "{{ " + nested("[", "1, 2, 3", "]", 50) + " | tojson(indent=a) }}"),
        ("a join with a long separator", big + wide + "{{ w | join(a) }}"),
        ("a join of long texts", big + "{{ ([a] * 100000) | join }}"),
        ("a replacement by long text", big + "{{ a.replace('a', a) }}"),
        ("a replacement of nothing", big + "{{ a | replace('', a) }}"),
        ("an indentation of many lines", "{{ ('a\n' * 100000) | indent(1000) }}"),
        ("an indentation by long text", big + "{{ ('a\n' * 100000) | indent(a) }}"),
        ("`~` of long texts", big + "{{ a" + String(repeating: "~a", count: 100_000) + " }}"),
        ("`%s` of long texts", big + "{{ '" + String(repeating: "%s", count: 1000) + "' % ((a,) * 1000) }}"),
        ("`{}` of long texts", big + "{{ '" + String(repeating: "{0}", count: 100_000) + "'.format(a) }}"),
        ("`center`", "{{ 'a' | center(1000000000) }}"),
        ("`ljust`", "{{ 'a'.ljust(1000000000) }}"),
        ("`%` with a width", "{{ '%1000000000d' % 1 }}"),
        ("`format` with a width", "{{ '{:1000000000}'.format(1) }}"),
        ("a batch filled up", "{{ [1] | batch(10 ** 9, 'x') | list }}"),
        ("2^64", "{{ 2 ** 64 }}"),
        ("a large power", "{{ 3 ** 999999999 }}"),
        ("large powers", "{% set n = namespace(s=2) %}{% for i in range(100) %}{% set n.s = n.s * n.s %}{% endfor %}"),
        ("the least number's opposite", "{{ -(-9223372036854775807 - 1) }}"),
        ("the least number by -1", "{{ (-9223372036854775807 - 1) // -1 }}"),
        ("a sum above 2^63", "{{ [9223372036854775807, 1] | sum }}"),
        ("a number of a million digits", "{{ " + String(repeating: "9", count: 1_000_000) + " }}"),
        ("a power of 10 that is no number", "{{ 10.0 ** 1000 }}"),
        ("work on many constants", "{% for i in range(99999) %}{% set x = [" + String(repeating: "1,", count: 100_000) + "] %}{% endfor %}"),
        ("work on many operators", "{% for i in range(99999) %}{% set x = 1" + String(repeating: "+1", count: 100_000) + " %}{% endfor %}"),
        ("work on many conditions", "{% for i in range(99999) %}{% set x = 1" + String(repeating: " and 1", count: 100_000) + " %}{% endfor %}"),
        ("work on many choices", "{% for i in range(99999) %}{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 50000) + "{% endif %}{% endfor %}"),
        ("a large object", "{{ {" + (0..<80000).map { "\($0):1," }.joined() + "} }}"),
        ("a large object of texts", "{{ {" + (0..<60000).map { "'\($0)':1," }.joined() + "} }}"),
        ("many named arguments", "{{ dict(" + (0..<60000).map { "a\($0)=1," }.joined() + ") }}"),
        ("many attributes", "{% set n = namespace() %}" + (0..<35000).map { "{%set n.a\($0)=1%}" }.joined() + "{% for i in range(99999) %}{{ n.a34999 }}{% endfor %}"),
        ("many different values", wide + "{{ range(99999) | unique | list }}"),
        ("long texts compared", big + "{% set b = a ~ 'b' %}{% set c = a ~ 'c' %}{{ ([b, c] * 50000) | sort }}"),
        ("long texts in a list", big + "{% set b = a ~ 'b' %}{% set c = a ~ 'c' %}{% for i in range(99999) %}{{ b in [c, c, c, c] }}{% endfor %}"),
        ("characters of a long text", big + "{% for i in range(99999) %}{{ a[i] }}{% endfor %}"),
        ("pieces of a long text", big + "{% for i in range(99999) %}{{ a[:i] | length }}{% endfor %}"),
        ("lengths of a long text", big + "{% for i in range(99999) %}{{ a | length }}{% endfor %}"),
        ("words of long texts", "{% set a = 'a ' * 5000000 %}{{ a.split() | length }}"),
        ("characters of long texts", "{% set a = 'a' * 5000000 %}{{ a | list | length }}"),
        ("a search in long texts", "{% set a = 'a' * 500000 %}{% for i in range(999) %}{{ (a ~ a).find(a ~ 'b') }}{% endfor %}"),
        ("output without end", big + "{% for i in range(99999) %}{{ a }}{% endfor %}"),
        ("a tag that is never closed", "{{ " + String(repeating: "a ", count: 500_000)),
        ("comments that are never closed", String(repeating: "{# ", count: 300_000)),
        ("raw text that is never closed", "{% raw %}" + String(repeating: "{% ", count: 300_000)),
        ("a string that is never closed", "{{ '" + String(repeating: "a", count: 1_000_000)),
        ("a source of more than a megabyte", String(repeating: "a", count: 1 << 21)),
    ]

    @Test(arguments: deep) func whatIsTooDeepIsNotRead(kind: String, source: String) throws {
        let (error, seconds) = Self.outcome(source)
        #expect(error?.kind == .limit, "\(kind): \(error?.description.prefix(200) ?? "no error")")
        #expect(seconds < 20, "\(kind)")
    }

    @Test(arguments: endless) func whatHasNoEndIsStopped(kind: String, source: String) throws {
        let (error, seconds) = Self.outcome(source)
        #expect(error != nil, "\(kind): no error")
        #expect(seconds < 20, "\(kind): \(seconds) s")
    }

    private static let readable: [(String, String)] = [
        ("brackets", nested("(", "1", ")", 60)),
        ("lists", nested("[", "1", "]", 60)),
        ("objects", nested("{'a':", "1", "}", 60)),
        ("calls", nested("dict(a=", "1", ")", 60)),
        ("filters", nested("1|default(", "1", ")", 60)),
        ("minus signs", String(repeating: "- ", count: 60) + "1"),
        ("choices", String(repeating: "1 if 0 else ", count: 60) + "1"),
        ("choices without `else`", "1" + String(repeating: " if 1", count: 60)),
        ("JSON", nested("[{'a': ", "1", "}]", 30) + " | tojson(indent=1)"),
        ("comparisons", nested("[", "1", "]", 30) + " == " + nested("[", "1", "]", 30)),
    ]

    /// As deep as is read: the small stack is enough for it.
    @Test(arguments: readable)
    func whatIsDeepIsRead(kind: String, expression: String) throws {
        for source in ["{{ \(expression) }}", Self.nested("{% if 1 %}", "x", "{% endif %}", 60)] {
            let (error, _) = Self.outcome(source)
            #expect(error == nil, "\(kind): \(error?.description.prefix(200) ?? "")")
        }
    }

    @Test func macrosMayCallEachOtherSomeLevelsDeep() {
        let (error, _) = Self.outcome("{% macro f(n) %}{% if n > 0 %}[{{ f(n - 1) }}]{% endif %}{% endmacro %}{{ f(15) }}")
        #expect(error == nil)
    }

    /// A megabyte of text and tags is read and written at once.
    @Test(arguments: ["a\n", "{{ 1 -}}\n ", "{# a -#}\n", "{% if 1 -%} a {%- endif %}\n", "{% raw -%} a {%- endraw %}\n", "é{{ 'é' }}{{ x1 }}"])
    func longSourcesAreRead(piece: String) throws {
        let source = String(repeating: piece, count: 1_000_000 / piece.utf8.count)
        let (error, seconds) = Self.outcome(source)
        #expect(error == nil)
        #expect(seconds < 20, "\(seconds) s")
    }

    /// A long source of many names: looking them up takes no longer for it.
    @Test func manyNamesAreFound() {
        let names = (0..<50000).map { "{%set a\($0)=1%}" }.joined()
        let (error, seconds) = Self.outcome(names + "{% for i in range(30000) %}{% for j in [1] %}{{ a49999 }}{% endfor %}{% endfor %}")
        #expect(error == nil)
        #expect(seconds < 20, "\(seconds) s")
    }

    /// Text that changes its origin at every byte is cut as fast as any.
    @Test func textOfManyOriginsIsCut() throws {
        let template = try JinjaTemplate("{% set t = (x * 30000) | list | join('-') %}{{ t.split('-') | length }}{{ t | length }}{{ t.replace('-', '+') | length }}")
        var interpreter = JinjaInterpreter(template, variables: [("x", .text(TracedText(Array("ab".utf8), from: .tools)))], size: 1000)
        let start = ContinuousClock.now
        try interpreter.run()
        #expect(interpreter.output.string == "60000119999119999")
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    /// A run leaves nothing behind: macros and the variables that they see do not hold each other.
    @Test func variablesOfMacrosAreLetGo() throws {
        weak var kept: JinjaNamespace?
        do {
            let space = JinjaNamespace()
            kept = space
            let template = try JinjaTemplate("{% macro m(a) %}{{ a }}{{ x }}{% endmacro %}{% for i in [1] %}{% macro k() %}{{ x }}{% endmacro %}{% endfor %}")
            var interpreter = JinjaInterpreter(template, variables: [("x", .namespace(space))], size: 1000)
            try interpreter.run()
        }
        #expect(kept == nil)
    }

    /// The error of a source, and how long it took, on a thread with the stack of a Dispatch worker.
    private static func outcome(_ source: String) -> (JinjaError?, seconds: Double) {
        let box = Box(), done = DispatchSemaphore(value: 0)
        let thread = Thread {
            do throws(JinjaError) {
                var interpreter = JinjaInterpreter(try JinjaTemplate(source), variables: [], size: 1000)
                try interpreter.run()
            } catch {
                box.error = error
            }
            done.signal()
        }
        thread.stackSize = 512 << 10
        let start = ContinuousClock.now
        thread.start()
        done.wait()
        let time = (ContinuousClock.now - start).components
        return (box.error, Double(time.seconds) + Double(time.attoseconds) / 1e18)
    }

    /// Written by the thread before it signals, and read after that.
    private final class Box: @unchecked Sendable {
        var error: JinjaError?
    }
}
