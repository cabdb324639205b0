// SPDX-License-Identifier: Apache-2.0

/// How pages look: on light and dark screens, wide and narrow ones, and on paper.
enum HTMLStyle {
  private static func variables(_ colour: (FigureStyle.Colour) -> String) -> String {
    FigureStyle.colours.map { "--\($0.name): \(colour($0));" }.joined(separator: " ")
  }

  static let text = """
    :root { color-scheme: light dark; \(variables { $0.light }) }
    @media screen and (prefers-color-scheme: dark) { :root { \(variables { $0.dark }) } }
    body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; color: var(--text);
      background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
    .title { margin: 0; font-size: 1.6rem; font-weight: 700; line-height: 1.25; }
    h1 { text-wrap: balance; margin: .4rem 0 0; font-size: 1.15rem; line-height: 1.35; border-left: .4rem solid;
      padding-left: .75rem; }
    .holds { color: var(--holds); } .violated { color: var(--violated); }
    .unproved, .inconclusive { color: var(--unproved); }
    .notices { border-left: .4rem solid var(--unproved); padding: .25rem 0 .25rem 2rem; }
    h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
    .numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr));
      gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
    .numbers li { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .75rem;
      background: var(--band); }
    .numbers span, .numbers strong, .numbers small { display: block; }
    .numbers span { color: var(--quiet); }
    .numbers strong { font-size: 1.7rem; font-weight: 700; line-height: 1.2;
      font-variant-numeric: tabular-nums; }
    .numbers small { font-size: .8rem; color: var(--quiet); line-height: 1.35; }
    .first { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
      gap: 1.5rem; align-items: start; }
    .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr));
      gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; font-size: .85rem; line-height: 1.35; }
    .pictures img.pixels { width: 31%; height: auto; margin: 0 1% .2rem 0; }
    .pictures span { display: block; }
    .caption { color: var(--quiet); font-size: .9rem; }
    .first code { white-space: pre-wrap; overflow-wrap: anywhere; } .first > * { min-width: 0; }
    .pictures small { color: var(--quiet); font-size: .8rem; display: block; }
    img.pixels { image-rendering: pixelated; margin-right: 8px; }
    .code { position: relative; } .code pre { padding-right: 4.5rem; }
    button { font: inherit; font-size: .8rem; color: var(--a); background: var(--page);
      border: 1px solid var(--line); border-radius: .3rem; padding: .1rem .5rem; cursor: pointer; }
    .code button { position: absolute; top: .5rem; right: .5rem; }
    .tools { display: flex; gap: .4rem; margin: .3rem 0; }
    th button { border: 0; padding: 0; background: none; font-weight: inherit; font-size: inherit;
      text-align: left; }
    .scroll { overflow-x: auto; }
    .scroll:has(> table) { background:
        linear-gradient(to right, var(--page) 50%, transparent) left / 3rem 100% no-repeat local,
        linear-gradient(to left, var(--page) 50%, transparent) right / 3rem 100% no-repeat local,
        linear-gradient(to right, var(--shade), transparent) left / 1.2rem 100% no-repeat scroll,
        linear-gradient(to left, var(--shade), transparent) right / 1.2rem 100% no-repeat scroll; }
    .paper { display: none; }
    table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums;
      font-size: .9rem; }
    caption { text-align: left; color: var(--quiet); padding-bottom: .25rem; }
    th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left;
      vertical-align: top; }
    td.number { white-space: nowrap; text-align: right; } td.none { text-align: center; }
    td.text { min-width: 6rem; } td.long { min-width: 14rem; }
    td.long span { display: block; overflow-wrap: anywhere; }
    nav { font-size: .9rem; } nav p { margin: 0; color: var(--quiet); }
    nav ul { columns: 14rem; padding-left: 1.2rem; margin: .3rem 0; } a { color: var(--a); }
    summary { cursor: pointer; color: var(--quiet); }
    :focus-visible { outline: .15rem solid var(--a); outline-offset: .1rem; }
    thead th { background: var(--band); } tbody th { font-weight: 600; max-width: 14rem; }
    .sortable tbody th { position: sticky; left: 0; background: var(--page); }
    pre { background: var(--band); border: 1px solid var(--line); padding: .75rem;
      overflow-x: auto; margin: .5rem 0; font-size: .85rem; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
      gap: 0 2rem; }
    figure { margin: 1rem 0; max-width: 34rem; } figcaption { color: var(--quiet); font-size: .9rem; }
    figure.wide { max-width: none; grid-column: 1 / -1; }
    svg { display: block; width: 100%; height: auto; }
    svg.wide { min-width: 46rem; }
    \(FigureStyle.page)
    svg.wide text { font-size: 11px; }
    svg .mark { fill: var(--line); } svg .mark.another { fill: var(--b); }
    svg .mark.named { fill: var(--violated); }
    @media screen and (min-width: 76rem) {
      body { max-width: 84rem; display: grid; grid-template-columns: 11rem minmax(0, 1fr);
        gap: 0 2rem; align-items: start; }
      body > header, body > main { grid-column: 2; }
      body > nav { grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 1.5rem; }
      nav ul { columns: 1; padding: 0; list-style: none; } nav li { margin: .3rem 0; }
      nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
    }
    @media screen and (max-width: 40rem) {
      body { padding: .75rem; } .title { font-size: 1.3rem; } h1 { font-size: 1.05rem; }
      .numbers { grid-template-columns: 1fr 1fr; gap: .5rem; } .numbers li { padding: .4rem .5rem; }
      .numbers strong { font-size: 1.4rem; }
      table { font-size: .8rem; } th, td { padding: .2rem .35rem; } td.number span { display: block; }
      tbody th { max-width: 9rem; } td.long { min-width: 20ch; }
      td.long span { width: 34ch; }
    }
    @page { size: A4; margin: 14mm; } @page wide { size: A4 landscape; margin: 14mm; }
    @media print {
      body { max-width: none; padding: 0; font-size: 9pt; line-height: 1.3; }
      p, ul { margin: 1.5mm 0; }
      nav, .code button, .tools, figure details, .screen { display: none; }
      th button { color: inherit; } body:has(.sortable) { page: wide; }
      .paper { display: inline; }
      details:not([open])::details-content { content-visibility: visible; display: block; }
      summary { display: none; }
      .scroll, pre { overflow: visible; }
      pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; }
      pre.long { columns: 2; }
      .code pre { padding-right: .75rem; }
      .numbers { grid-template-columns: repeat(4, 1fr); } .numbers strong { font-size: 15pt; }
      .numbers small, .pictures, .pictures small, .caption { font-size: 8pt; }
      .first, .figures { grid-template-columns: 1fr 1fr; gap: 0 6mm; }
      .pictures { grid-template-columns: 1fr 1fr; gap: 2mm; } .pictures img.pixels { width: 29%; }
      table { font-size: 8pt; margin: 2mm 0; } th, td { padding: .1rem .25rem; }
      td.number span { display: block; } td.text, td.long { min-width: 0; }
      td.long span { max-width: 41ch; }
      .scroll:has(> table) { background: none; } .sortable tbody th { position: static; }
      table.short { break-inside: avoid; } thead, tbody tr:first-child { break-after: avoid; }
      svg.wide { min-width: 0; } svg.wide text { font-size: 13px; }
      figure { margin: 2mm 0; } figcaption { font-size: 8pt; }
      figure, tr, .numbers, .pictures li { break-inside: avoid; }
      caption { break-after: avoid; } h2 { break-after: avoid; margin: 4mm 0 2mm; }
    }
    """
}
