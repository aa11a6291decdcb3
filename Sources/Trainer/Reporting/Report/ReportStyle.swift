/// How a report looks: on a wide screen, on a phone, in the dark, and on paper.
enum ReportStyle {
    private static let light = "--ink:#1a1c20;--soft:#5b6270;--line:#d9dce1;--page:#fff;--c0:#1f6feb;--c1:#c2570f;--c2:#1f8a53;--c3:#7c4df0;--c4:#c0395b;--c5:#0b7f8f"
    private static let dark = "--ink:#e6e8eb;--soft:#a3acb8;--line:#363b43;--page:#14171b;--c0:#6aa7ff;--c1:#f0965a;--c2:#5fcf93;--c3:#b79bff;--c4:#f27a97;--c5:#56c6d8"

    static let css = """
        :root{\(light)}
        @media screen and (prefers-color-scheme:dark){:root{\(dark)}}
        body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:0}main{max-width:76rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:.9rem;margin:0;color:var(--soft)}.note,.legend{color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}.note{margin:.4rem 0}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem}th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
        th:first-child,td:first-child{text-align:left;padding-left:0}thead th{font-size:.85rem;vertical-align:bottom}tbody th{font-weight:400}td{white-space:nowrap}
        table.text th,table.text td{text-align:left}table.text td{white-space:pre-line;overflow-wrap:anywhere;min-width:14rem}table.text tbody th{color:var(--soft);min-width:6.5rem}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem}figure{margin:0;max-width:33rem}figure.wide{max-width:none}figcaption{font-weight:600;font-size:.95rem;overflow-wrap:anywhere}svg,img{display:block;width:100%;height:auto}
        .tick{font-size:13px;fill:var(--soft)}.grid{stroke:var(--line);fill:none}.axis{stroke:var(--soft);fill:none}
        .curve{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:6 4;border-top-style:dashed!important}.faint{opacity:.3;stroke-width:1}
        .c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.dot{fill:var(--page)}.hit{fill:transparent;stroke:none}.hit:hover{fill:var(--soft);fill-opacity:.35}
        .cell{fill:var(--c0);stroke:var(--line)}
        .key{display:inline-block;width:1.5rem;height:0;border-top:2px solid;vertical-align:middle;margin:0 .25rem 0 .75rem}
        .key.c0{border-color:var(--c0)}.key.c1{border-color:var(--c1)}.key.c2{border-color:var(--c2)}.key.c3{border-color:var(--c3)}.key.c4{border-color:var(--c4)}.key.c5{border-color:var(--c5)}
        .samples{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid var(--line);padding-left:.75rem;margin:.25rem 0 1rem;font-size:.9rem}
        @media print{main{max-width:none;padding:0}figure,tr,section{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """
}
