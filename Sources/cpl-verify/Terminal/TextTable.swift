// SPDX-License-Identifier: Apache-2.0

/// Rows of text in columns as wide as what stands in them, two blanks apart.
struct TextTable {
  private var rows: [[String]]

  init(_ header: [String]) { rows = [header] }

  /// - Precondition: a row has no more cells than the header.
  mutating func add(_ row: [String]) { rows.append(row) }

  /// The rows as lines, the header first; none ends in a blank.
  var lines: [String] {
    let widths = rows[0].indices.map { column in
      rows.lazy.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        column == row.count - 1 ? cell.0 : cell.0.padding(cell.1 + 2)
      }
      return cells.joined()
    }
  }
}

extension Output {
  static func table(_ table: TextTable) throws { for line in table.lines { try Output.line(line) } }
}
