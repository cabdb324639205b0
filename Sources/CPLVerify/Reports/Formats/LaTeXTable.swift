// SPDX-License-Identifier: Apache-2.0

/// A table for papers: a `tabular` with the rules of booktabs.
struct LaTeXTable {
  private let table: ReportPage.Table
  /// A heading over neighbouring columns.
  private let group: (title: String, columns: Range<Int>)?
  /// A caption, as a comment.
  private let caption: String

  init(
    _ table: ReportPage.Table, group: (title: String, columns: Range<Int>)?, caption: String
  ) {
    self.table = table
    self.group = group
    self.caption = caption
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
    let heading = group.map { group in
      let (first, count) = (group.columns.lowerBound, group.columns.count)
      let after = table.columns.count - first - count
      return "  " + String(repeating: "& ", count: first)
        + "\\multicolumn{\(count)}{c}{\(Self.escaped(group.title))}"
        + String(repeating: " &", count: after)
        + " \\\\\n  \\cmidrule(lr){\(first + 1)-\(first + count)}\n"
    }
    return "% Needs \\usepackage{booktabs}.\n% \\caption{\(Self.escaped(caption))}\n"
      + "\\begin{tabular}{@{}\(alignment)@{}}\n  \\toprule\n" + (heading ?? "") + row(table.columns)
      + "  \\midrule\n"
      + table.rows.map { row([$0.head] + $0.cells.map(\.text)) }.joined()
      + "  \\bottomrule\n\\end{tabular}\n"
  }

  private static let symbols: [Character: String] = [
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
    "–": "--", "−": "$-$", "×": "$\\times$", "≤": "$\\leq$", "∞": "$\\infty$",
    "ε": "$\\varepsilon$", "ℓ": "$\\ell$", "₂": "$_2$",
    "L̄": "$\\bar L$", "%": "\\%", "&": "\\&", "#": "\\#", "$": "\\$", "_": "\\_", "{": "\\{",
    "}": "\\}", "[": "{[}", "\n": " ",
  ]

  private static func escaped(_ text: String) -> String {
    text.printable.map { symbols[$0] ?? String($0) }.joined()
  }
}
