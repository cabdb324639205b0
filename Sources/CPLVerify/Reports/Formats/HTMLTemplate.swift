// SPDX-License-Identifier: Apache-2.0

/// A `ReportPage` as one HTML file that needs nothing from the network. It is well-formed XML too.
package enum HTMLTemplate {
  private static func table(isFoldable: Bool) -> String {
    let (opening, end) =
      isFoldable
      ? (
        "{{#isFolded}}\n<details><summary>{{caption}}: {{count}} rows</summary>\n{{/isFolded}}\n",
        "\n{{#isFolded}}\n</details>\n{{/isFolded}}"
      ) : ("", "")
    return opening + """
      <div class="scroll" role="region" aria-label="{{caption}}" tabindex="0">
      <table{{#layout}} class="{{.}}"{{/layout}}>
      <caption>{{caption}}{{#onPaper}}<span class="paper"> {{.}}</span>{{/onPaper}}</caption>
      <thead><tr>{{#heads}}<th scope="col"{{^isOnPaper}} class="screen"{{/isOnPaper}}>{{text}}</th>{{/heads}}</tr></thead>
      <tbody>
      {{#rows}}
      <tr><th scope="row">{{head}}</th>{{#cells}}<td class="{{style}}{{^isOnPaper}} screen{{/isOnPaper}}">{{{markup}}}</td>{{/cells}}</tr>
      {{/rows}}
      </tbody>
      </table>
      </div>
      """ + end
  }

  private static let figure = """
    <figure class="{{style}}" data-name="{{name}}">
    <div class="scroll" role="region" aria-label="Drawing: {{caption}}" tabindex="0">
    {{{drawing}}}
    </div>
    <figcaption>{{caption}}</figcaption>
    {{#table}}
    <details><summary>The numbers of this figure</summary>
    \(table(isFoldable: false))
    </details>
    {{/table}}
    </figure>
    """

  package static let page = """
    {{% CONTENT_TYPE:CPL-MARKUP}}
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src \(HTMLScript.policy)"/>
    <title>{{#opening}}{{title}}: {{/opening}}{{headline}}</title>
    <style>
    \(HTMLStyle.text)
    </style>
    </head>
    <body>
    <header>
    {{#opening}}
    <p class="title">{{title}}</p>
    {{/opening}}
    <h1 class="{{style}}">{{firstLine}}</h1>
    {{^empty(notices)}}
    <ul class="notices">
    {{#notices}}
    <li>{{.}}</li>
    {{/notices}}
    </ul>
    {{/empty(notices)}}
    {{#opening}}
    {{#claim}}
    <p class="caption">{{.}}</p>
    {{/claim}}
    {{^empty(numbers)}}
    <ul class="numbers">
    {{#numbers}}
    <li><span>{{label}}</span> <strong>{{value}}</strong> <small>{{detail}}</small></li>
    {{/numbers}}
    </ul>
    {{/empty(numbers)}}
    <div class="first">
    {{#figure}}
    \(figure)
    {{/figure}}
    <div>
    {{^empty(pictures)}}
    <ul class="pictures">
    {{#pictures}}
    <li>{{{drawing}}}
    <span>{{change}}</span><small>{{distances}}</small></li>
    {{/pictures}}
    </ul>
    <p class="caption">{{picturesCaption}}</p>
    {{/empty(pictures)}}
    {{#command}}
    <p>The command that makes these results again:</p>
    <div class="code"><pre tabindex="0"><code>{{content}}</code></pre></div>
    {{/command}}
    </div>
    </div>
    {{/opening}}
    </header>
    <nav aria-label="Contents"><p>Contents</p><ul>
    {{#sections}}
    <li><a href="#{{anchor}}">{{heading}}</a></li>
    {{/sections}}
    </ul></nav>
    <main>
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
    \(table(isFoldable: true))
    {{/tables}}
    {{^empty(figures)}}
    <div class="figures">
    {{#figures}}
    \(figure)
    {{/figures}}
    </div>
    {{/empty(figures)}}
    {{#codes}}
    <div class="code"><pre{{#isLong}} class="long"{{/isLong}} tabindex="0"><code>{{content}}</code></pre></div>
    {{/codes}}
    </section>
    {{/sections}}
    </main>
    <script>
    \(HTMLScript.text)
    </script>
    </body>
    </html>

    """
}
