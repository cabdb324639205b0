/// A `ReportPage` as one HTML file that needs nothing from the network. It is well-formed XML too.
package enum HTMLTemplate {
  private static let table = """
    <div class="scroll" role="region" aria-label="{{caption}}" tabindex="0">
    <table>
    <caption>{{caption}}</caption>
    <thead><tr>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}</tr></thead>
    <tbody>
    {{#rows}}
    <tr><th scope="row">{{head}}</th>{{#cells}}<td class="{{style}}">{{text}}</td>{{/cells}}</tr>
    {{/rows}}
    </tbody>
    </table>
    </div>
    """

  package static let page = """
    {{% CONTENT_TYPE:CPL-MARKUP}}
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
    <title>{{headline}}</title>
    <style>
    :root { color-scheme: light dark; --text: #1b1f24; --page: #ffffff; --quiet: #57606a;
      --line: #d0d7de; --band: #f6f8fa; --holds: #116329; --violated: #b3261e;
      --unproved: #7a4d00; --a: #0550ae; --b: #a04000; --c: #116329;
      --d: #8250df; --e: #57606a; }
    @media screen and (prefers-color-scheme: dark) {
      :root { --text: #e6edf3; --page: #0d1117; --quiet: #9da7b1; --line: #30363d;
        --band: #161b22; --holds: #56d364; --violated: #ff7b72; --unproved: #e3b341;
        --a: #79c0ff; --b: #ffa657; --c: #56d364;
        --d: #d2a8ff; --e: #9da7b1; }
    }
    body { margin: 0 auto; padding: 1.5rem; max-width: 72rem; color: var(--text);
      background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.5rem; border-left: .4rem solid; padding-left: .75rem; }
    .holds { color: var(--holds); } .violated { color: var(--violated); }
    .unproved, .inconclusive { color: var(--unproved); }
    .notices { border-left: .4rem solid var(--unproved); padding: .25rem 0 .25rem 2rem; }
    h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
    caption { text-align: left; color: var(--quiet); padding-bottom: .25rem; }
    th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left;
      vertical-align: top; }
    table { font-size: .9rem; }
    td.number { white-space: nowrap; text-align: right; } td.none { text-align: center; }
    td.text { min-width: 6rem; } td.long { min-width: 14rem; overflow-wrap: anywhere; }
    nav ul { columns: 14rem; padding-left: 1.2rem; } a { color: var(--a); }
    summary { cursor: pointer; color: var(--quiet); }
    :focus-visible { outline: .15rem solid var(--a); outline-offset: .1rem; }
    thead th { background: var(--band); } tbody th { font-weight: 600; }
    pre { background: var(--band); border: 1px solid var(--line); padding: .75rem;
      overflow-x: auto; }
    figure { margin: 1rem 0; } figcaption { color: var(--quiet); }
    svg { max-width: 46rem; min-width: 30rem; width: 100%; height: auto; }
    svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
    svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
    svg .axis { fill: none; stroke: var(--quiet); } svg .grid { fill: none; stroke: var(--line); }
    svg .curve { fill: none; stroke-width: 2; }
    svg .curve.s0 { stroke: var(--a); } svg .curve.s1 { stroke: var(--b); stroke-dasharray: 6 3; }
    svg .curve.s2 { stroke: var(--c); stroke-dasharray: 2 2; }
    svg .curve.s3 { stroke: var(--d); stroke-dasharray: 8 2 2 2; }
    svg .curve.s4 { stroke: var(--e); stroke-dasharray: 1 3; }
    svg .key.s0, svg .bar { fill: var(--a); } svg .key.s1 { fill: var(--b); }
    svg .key.s2 { fill: var(--c); } svg .key.s3 { fill: var(--d); }
    svg .key.s4 { fill: var(--e); } svg .marker { fill: var(--text); }
    img.pixels { image-rendering: pixelated; margin-right: 8px; }
    svg .alarm { fill: var(--violated); }
    svg .gap { fill: var(--unproved); opacity: .22; }
    svg .dots { fill: none; stroke: var(--a); stroke-width: 3; stroke-linecap: round; opacity: .6; }
    svg .dots.broken { stroke: var(--violated); stroke-width: 6; opacity: 1; }
    svg .cross { fill: none; stroke: var(--violated); stroke-width: 2; }
    svg .mark { fill: var(--line); } svg .mark.another { fill: var(--b); }
    svg .mark.named { fill: var(--violated); }
    @media screen and (max-width: 40rem) {
      body { padding: .75rem; } table { font-size: .8rem; } th, td { padding: .2rem .35rem; }
      td.text, td.long { min-width: 0; overflow-wrap: anywhere; }
    }
    @media print {
      body { max-width: none; padding: 0; font-size: 10pt; }
      nav { display: none; } .scroll, pre { overflow: visible; } pre { white-space: pre-wrap;
        overflow-wrap: anywhere; }
      table { font-size: 6.5pt; } th, td { padding: .1rem .25rem; }
      td.text, td.long { min-width: 0; } svg { min-width: 0; } details { display: none; }
      figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
    }
    </style>
    </head>
    <body>
    <main>
    <h1 class="{{style}}">{{headline}}</h1>
    {{^empty(notices)}}
    <ul class="notices">
    {{#notices}}
    <li>{{.}}</li>
    {{/notices}}
    </ul>
    {{/empty(notices)}}
    <nav aria-label="Contents"><ul>
    {{#sections}}
    <li><a href="#{{anchor}}">{{heading}}</a></li>
    {{/sections}}
    </ul></nav>
    {{#sections}}
    <section id="{{anchor}}">
    <h2>{{heading}}</h2>
    {{#paragraphs}}
    <p>{{.}}</p>
    {{/paragraphs}}
    {{^empty(items)}}
    <ul>
    {{#items}}
    <li>{{.}}</li>
    {{/items}}
    </ul>
    {{/empty(items)}}
    {{#tables}}
    \(table)
    {{/tables}}
    {{#figures}}
    <figure>
    <div class="scroll" role="region" aria-label="{{caption}}" tabindex="0">
    {{{drawing}}}
    </div>
    <figcaption>{{caption}}</figcaption>
    {{#table}}
    <details><summary>The numbers of this figure</summary>
    \(table)
    </details>
    {{/table}}
    </figure>
    {{/figures}}
    {{#codes}}
    <pre tabindex="0"><code>{{content}}</code></pre>
    {{/codes}}
    </section>
    {{/sections}}
    </main>
    </body>
    </html>

    """
}
