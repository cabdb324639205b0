import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("The fields of results")
struct ReportSchemaTests {
  /// With CPL_WRITE_DOCS=1 the tables in the page are replaced.
  @Test("docs/formats.md has the tables of all fields as they are listed")
  func documentation() throws {
    let path = Fixture.repository.appending(path: "docs/formats.md").path
    var page = try String(contentsOfFile: path, encoding: .utf8)
    let start = try #require(page.range(of: "<!-- fields -->\n"))
    if ProcessInfo.processInfo.environment["CPL_WRITE_DOCS"] != nil {
      page = page[..<start.upperBound] + "\n" + ReportSchema.documentation
      try page.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(page[start.upperBound...] == "\n" + ReportSchema.documentation)
  }

  @Test("every column of CSV is explained by its field, in columns.csv and in the page")
  func columns() throws {
    let tables = ReportSample.full(violations: 1).csv()
    let explained = try #require(tables.first { $0.name == "columns" }?.text)
    for line in explained.split(separator: "\n").dropFirst()
    where ["layers", "network", "certificates", "attacks", "audit", "violations", "training"]
      .contains(where: { line.hasPrefix("\($0).csv,") })
    {
      let column = line.split(separator: ",")[1]
      #expect(ReportSchema.documentation.contains("`\(column)`"), "\(line)")
    }
  }

  @Test("what terminal, drawing and page show of selftest is one grid, and names are escaped")
  func grid() throws {
    let json = """
      {"faults": [{"id": "<a>", "statement": "s", "caught": true, "caught_by": ["x", "y"],
      "named_checks": ["y"]}], "checks": ["x", "y", "z"], "seeds": 1, "false_alarms": 0,
      "verdict": "holds"}
      """
    let grid = FaultGrid(try SelftestSummary(json: json, path: "s.json"))
    #expect(grid.rows.map { $0.marks.map(\.rawValue) } == [["○", "●", "·"]])
    for drawing in [grid.drawing(isFile: true), grid.drawing(isFile: false)] {
      for mark in ["another", "named", "holds"] {
        #expect(drawing.components(separatedBy: "class=\"mark \(mark)\"").count == 2)
      }
      #expect(drawing.contains("&lt;a&gt;") && !drawing.contains("<a>"))
    }
    #expect(grid.drawing(isFile: true).contains("xmlns="))
  }
}
