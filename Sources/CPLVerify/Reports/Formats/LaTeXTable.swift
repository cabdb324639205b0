// SPDX-License-Identifier: Apache-2.0

/// A table for papers: a `tabular` with the rules of booktabs.
struct LaTeXTable {
  private let table: ReportPage.Table
  private let comment: String

  init(_ table: ReportPage.Table, comment: String) {
    self.table = table
    self.comment = comment
  }

  var text: String {
    let alignment = table.columns.indices.map { column in
      column > 0
        && table.rows.allSatisfy { ["number", "none"].contains($0.cells[column - 1].style) }
        ? "r" : "l"
    }.joined()
    func row(_ cells: [String]) -> String {
      "  \(cells.map(Self.escaped).joined(separator: " & ")) \\\\\n"
    }
    return "% Needs \\usepackage{booktabs}; \(comment)\n"
      + "\\begin{tabular}{\(alignment)}\n  \\toprule\n" + row(table.columns) + "  \\midrule\n"
      + table.rows.map { row([$0.head] + $0.cells.map(\.text)) }.joined()
      + "  \\bottomrule\n\\end{tabular}\n"
  }

  private static let symbols: [Character: String] = [
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "–": "--", "−": "$-$", "×": "$\\times$", "≤": "$\\leq$", "∞": "$\\infty$",
    "ε": "$\\varepsilon$",
    "L̄": "$\\bar L$", "%": "\\%", "&": "\\&", "#": "\\#", "$": "\\$", "_": "\\_", "{": "\\{",
    "}": "\\}", "[": "{[}", "\n": " ",
  ]

  private static func escaped(_ text: String) -> String {
    text.printable.map { symbols[$0] ?? String($0) }.joined()
  }
}
