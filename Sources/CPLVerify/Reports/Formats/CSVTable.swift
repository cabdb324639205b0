// SPDX-License-Identifier: Apache-2.0

/// A table as text in CSV (RFC 4180, lines ended by a line feed), and what its columns mean.
///
/// Numbers are written so that they read back as the same ones; an empty field is a number that there
/// is not.
struct CSVTable {
  struct Column {
    let name: String
    let unit: ReportUnit
    /// What the column holds, special values included.
    let meaning: String

    init(_ name: String, _ unit: ReportUnit, _ meaning: String) {
      self.name = name
      self.unit = unit
      self.meaning = meaning
    }
  }

  /// The name of its file, without the ending.
  let name: String
  let columns: [Column]
  let rows: [[String]]

  init(_ name: String, _ columns: [Column], _ rows: [[String]]) {
    // A name from a file of results may hold anything but a slash.
    self.name = String(
      name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.@".contains($0)) ? $0 : "_" })
    self.columns = columns
    self.rows = rows
  }

  /// The fields of records that CSV has.
  init<Record>(_ name: String, _ fields: [any RecordField<Record>], of records: [Record]) {
    let fields = fields.filter { $0.names[.csv] != nil }
    self.init(
      name, fields.map { Column($0.names[.csv] ?? "", $0.unit, $0.meaning) },
      records.map { record in fields.map { $0.csv(record) } })
  }

  var text: String {
    ([columns.map(\.name)] + rows)
      .map { $0.map(Self.quoted).joined(separator: ",") + "\n" }.joined()
  }

  /// The table that says what the columns of others mean.
  static func explanation(of tables: [CSVTable]) -> CSVTable {
    CSVTable(
      "columns",
      [
        Column("file", .text, "the file"), Column("column", .text, "one of its columns"),
        Column("unit", .text, "what it counts or measures"),
        Column("meaning", .text, "what it holds"),
      ],
      tables.flatMap { table in
        table.columns.map { ["\(table.name).csv", $0.name, $0.unit.rawValue, $0.meaning] }
      })
  }

  private static func quoted(_ field: String) -> String {
    guard field.unicodeScalars.contains(where: { "\",\n\r".unicodeScalars.contains($0) }) else {
      return field
    }
    return "\"\(field.replacing("\"", with: "\"\""))\""
  }
}
