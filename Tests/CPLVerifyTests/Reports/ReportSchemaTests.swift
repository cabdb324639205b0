// SPDX-License-Identifier: Apache-2.0

import CPLReference
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

  /// Whether the page has a name, alone or behind those of the objects that it stands in.
  private static func explains(_ name: String) -> Bool {
    ReportSchema.documentation.contains("`\(name)`")
      || ReportSchema.documentation.contains(".\(name)`")
      || ReportSchema.documentation.contains("/\(name)`")
      || ReportSchema.documentation.contains("`\(name).")
  }

  @Test("the page explains every dataset and attribute of results and of weights")
  func stored() throws {
    try withReportFolder { folder in
      try ReportSample.full(violations: 1).write(to: folder + "/r.h5")
      let layers = ModelRecipe(convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 8)
        .layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1])
      var state = TrainingState(network: CPLNetwork(layers, seed: 0))
      state.history = [EpochRecord(epoch: 1, loss: 1, learningRate: 1, selectionAccuracy: 1)]
      try state.write(
        to: folder + "/w.h5",
        description: CheckpointDescription(
          profile: .corrected, createdBy: "tests", gitCommit: "none",
          trainedOn: TrainingData(name: "a", digest: "b"), assumptions: ["c"]), run: "d")
      for name in ["r.h5", "w.h5"] {
        let file = try HDF5File.open("\(folder)/\(name)")
        var groups: Set<String> = ["/"]
        for entry in file.entries() {
          let parts = entry.path.split(separator: "/").map(String.init)
          for count in parts.indices { groups.insert("/" + parts[..<count].joined(separator: "/")) }
          let last = try #require(parts.last)
          let isOfLayer = ["parameters", "optimizer"].contains(parts[0])
          #expect(isOfLayer || Self.explains(last), "\(name): \(entry.path)")
          #expect(!isOfLayer || ReportSchema.documentation.contains("`/\(parts[0])/"))
        }
        for group in groups {
          for attribute in try file.attributeNames(of: group) {
            #expect(Self.explains(attribute), "\(name): \(attribute) of \(group)")
          }
        }
      }
    }
  }

  @Test("the page explains every key of JSON")
  func keys() throws {
    // What stands under these are numbers by radii and kinds of certificates, and "min, median and max".
    let numbers = [
      "certified_accuracy", "pgd_accuracy", "autoattack_accuracy", "radius", "distance",
      "tightness",
    ]
    func check(_ value: Any, under name: String) {
      if let list = value as? [Any] { list.forEach { check($0, under: name) } }
      for (key, value) in value as? [String: Any] ?? [:] {
        // Attacks stand by their names.
        #expect(name == "attacks" || Self.explains(key), "\(name).\(key)")
        if !numbers.contains(key) { check(value, under: key) }
      }
    }
    for violations in [0, 1] {
      let json = try ReportSample.full(violations: violations).json()
      check(try JSONSerialization.jsonObject(with: Data(json.utf8)), under: "")
    }
  }

  @Test("the page explains every key of a comparison and of a leaderboard")
  func otherKeys() throws {
    func check(_ value: Any, in table: String) {
      if let list = value as? [Any] { list.forEach { check($0, in: table) } }
      for (key, value) in value as? [String: Any] ?? [:] {
        #expect(table.contains("`\(key)`") || table.contains(".\(key)`"), "\(key)")
        if key != "certified_accuracy" { check(value, in: table) }
      }
    }
    let (one, other) = (ReportSample.full(), ReportSample.full(violations: 1))
    let paragraphs = ReportSchema.documentation.components(separatedBy: "\n\n")
    for (title, json) in [
      ("Comparison", try ReportComparison(one, other, names: ("a.h5", "b.h5")).json()),
      ("Leaderboard", try Leaderboard([("a.h5", one), ("b.h5", other)]).json()),
    ] {
      let place = try #require(paragraphs.firstIndex { $0.hasPrefix("\(title): the object") })
      check(
        try JSONSerialization.jsonObject(with: Data(json.utf8)), in: paragraphs[place + 1])
    }
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
