// SPDX-License-Identifier: Apache-2.0

/// A `ReportPage` in Markdown (CommonMark with GitHub's tables).
package enum MarkdownTemplate {
  package static let page = """
    {{% CONTENT_TYPE:CPL-MARKDOWN}}
    # {{headline}}

    {{^empty(notices)}}
    {{#notices}}
    - {{.}}
    {{/notices}}

    {{/empty(notices)}}
    {{#opening}}
    {{title}}.
    {{#claim}}

    {{.}}
    {{/claim}}

    {{^empty(numbers)}}
    |  |  |  |
    | --- | --- | --- |
    {{#numbers}}
    | {{label}} | {{value}} | {{detail}} |
    {{/numbers}}

    {{/empty(numbers)}}
    {{#figure}}
    {{#table}}
    {{figureCaption}}

    |{{#columns}} {{.}} |{{/columns}}
    |{{#columns}} --- |{{/columns}}
    {{#rows}}
    | {{head}} |{{#cells}} {{text}} |{{/cells}}
    {{/rows}}

    {{/table}}
    {{/figure}}
    {{/opening}}

    """ + body

  /// The sections alone, for a page that goes on with others.
  package static let part = """
    {{% CONTENT_TYPE:CPL-MARKDOWN}}

    """ + body

  private static let body = """
    {{#sections}}
    ## {{heading}}

    {{#paragraphs}}
    {{.}}

    {{/paragraphs}}
    {{^empty(items)}}
    {{#items}}
    - {{.}}
    {{/items}}

    {{/empty(items)}}
    {{#tables}}
    |{{#columns}} {{.}} |{{/columns}}
    |{{#columns}} --- |{{/columns}}
    {{#rows}}
    | {{head}} |{{#cells}} {{text}} |{{/cells}}
    {{/rows}}

    {{/tables}}
    {{#figures}}
    {{#empty(characters)}}
    {{#table}}
    {{caption}}:

    |{{#columns}} {{.}} |{{/columns}}
    |{{#columns}} --- |{{/columns}}
    {{#rows}}
    | {{head}} |{{#cells}} {{text}} |{{/cells}}
    {{/rows}}

    {{/table}}
    {{/empty(characters)}}
    {{#characters}}
    {{{fence}}}text
    {{{content}}}
    {{{fence}}}

    {{/characters}}
    {{/figures}}
    {{#codes}}
    {{{fence}}}text
    {{{content}}}
    {{{fence}}}

    {{/codes}}
    {{/sections}}
    """
}
