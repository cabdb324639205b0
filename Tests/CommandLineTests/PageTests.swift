// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("Verdicts, pages and what may be replaced")
struct PageTests {
  private func states(_ line: String, in folder: String) throws -> (
    code: Int32, states: [String: String], details: [String: String]
  ) {
    let outcome = try Program.run("report \(line) --check --json", in: folder)
    let links = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: String]],
      "\(outcome)")
    func table(_ key: String) -> [String: String] {
      Dictionary(uniqueKeysWithValues: links.map { ($0["link"] ?? "", $0[key] ?? "") })
    }
    return (outcome.code, table("state"), table("detail"))
  }

  @Test("published certificates that are not broken are not proved: 2, or 0 where that is allowed")
  func unproved() throws {
    try SampleRun.withCopy { folder in
      let line = "audit run/last.h5 --certificate published --limit 20"
      let audit = try Program.run(line + " --out a.h5", in: folder)
      #expect(audit.code == 2, "\(audit)")
      let first = audit.output.split(separator: "\n").first ?? ""
      #expect(first.hasPrefix("Not broken, not proved: accuracy "), "\(audit)")
      #expect(first.contains("(published, not proved, 20 of 1,000 images)"), "\(audit)")
      #expect(audit.output.contains("verdict      unproved\n"))
      #expect(try Program.run(line + " --allow-unproved", in: folder).code == 0)
      let annotated = try Program.shell(
        "GITHUB_ACTIONS=true \"$0\" \(line) --quiet", in: folder)
      #expect(annotated.error.hasPrefix("::warning title=certificates::Not broken, not proved"))
      let json = try Program.run(line + " --json --quiet", in: folder)
      #expect(try json.code == 2 && json.json()["verdict"] as? String == "unproved")
      #expect(try json.json()["notices"] as? [String] == [])
      #expect(try Program.run("report a.h5 --out pages", in: folder).code == 2)
      #expect(
        try String(contentsOfFile: folder + "/pages/junit.xml", encoding: .utf8)
          .contains("<failure type=\"unproved\""))
      let allowed = try Program.run("report a.h5 --out pages --allow-unproved", in: folder)
      #expect(
        allowed.code == 0 && allowed.output.hasPrefix("Not broken, not proved: "), "\(allowed)")
      #expect(
        try !String(contentsOfFile: folder + "/pages/junit.xml", encoding: .utf8)
          .contains("<failure"))
    }
  }

  @Test(
    "each command's first line says what came of it, over how many images",
    arguments: [
      ("evaluate", "Evaluated: accuracy "), ("certify", "Evaluated: accuracy "),
      ("bounds", "Bounded: the Lipschitz constant "), ("attack", "Attacked: accuracy "),
      ("audit", "Proved and not broken: accuracy "),
    ])
  func firstLine(command: String, start: String) throws {
    let outcome = try Program.run("\(command) run/last.h5 --limit 4 --quiet", in: SampleRun.folder)
    let line = outcome.output.split(separator: "\n").first ?? ""
    #expect(line.hasPrefix(start), "\(outcome)")
    if command != "bounds" { #expect(line.contains("4 of 1,000 images"), "\(outcome)") }
  }

  @Test("an edited page of any kind is noticed, and so is one that is gone")
  func editedPage() throws {
    try SampleRun.withCopy { folder in
      #expect(
        try Program.run("audit run/last.h5 --limit 10 --out a.h5 --quiet", in: folder).code == 0)
      #expect(try Program.run("report a.h5 --out pages --csv", in: folder).code == 0)
      #expect(try states("a.h5 --out pages", in: folder).code == 0)
      for name in ["report.html", "report.md", "report.json", "junit.xml", "audit.csv"] {
        let path = "\(folder)/pages/\(name)"
        let before = try bytes(of: path)
        var text = String(decoding: before, as: UTF8.self)
        let digit = text.lastIndex { $0.isNumber }
        let end = try #require(digit)
        text.replaceSubrange(end...end, with: text[end] == "9" ? "8" : "9")
        try write(text, to: path)
        let found = try states("a.h5 --out pages", in: folder)
        #expect(found.code == 1 && found.states["results → pages"] == "broken", "\(name)")
        #expect(found.details["results → pages"]?.contains(name) == true)
        try Data(before).write(to: URL(fileURLWithPath: path))
      }
      #expect(try states("a.h5 --out pages", in: folder).code == 0)
      try FileManager.default.removeItem(atPath: folder + "/pages/junit.xml")
      #expect(try states("a.h5 --out pages", in: folder).code == 1)
    }
  }

  /// Writes images and labels as NumPy arrays.
  private func writeArrays(_ images: ImageDataset, to folder: String) throws {
    func array(_ type: String, _ shape: [Int], _ content: [UInt8]) -> Data {
      let sizes = shape.map { "\($0)," }.joined()
      var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes))}"
      header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
      return Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8) + content)
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let pixels = (0..<images.count).flatMap { Array(images.bytes(at: $0)) }
    let labels = images.labels.map { UInt8($0) }
    for (name, data) in [
      ("images", array("|u1", [images.count] + images.imageShape.extents, pixels)),
      ("labels", array("|u1", [images.count], labels)),
    ] {
      try data.write(to: URL(fileURLWithPath: "\(folder)/\(name).npy"))
    }
  }

  @Test(
    "weights and images of other programs hold in the chain, and what they lack is not applicable",
    arguments: ["wrapped.pt", "converted.safetensors"])
  func foreignInputs(weights: String) throws {
    try withTemporaryFolder { folder in
      let source = Program.repository.appending(path: "fixtures/checkpoints/wrapped.pt").path
      if weights.hasSuffix(".pt") {
        try FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(weights)")
      } else {
        let outcome = try Program.run(["convert", source, weights, "--quiet"], in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
      try writeArrays(
        SyntheticImages.make(count: 30, seed: 5, split: .test), to: folder + "/arrays")
      let flags = weights.hasSuffix(".pt") ? "--mean 0.5,0.5,0.5 --std 1,1,1" : ""
      let evaluate = try Program.run(
        "evaluate \(weights) \(flags) --data arrays --limit 20 --out e.h5 --quiet", in: folder)
      #expect(evaluate.code == 0, "\(evaluate)")
      #expect(try Program.run("report e.h5 --out pages", in: folder).code == 0)
      let found = try states("e.h5 --out pages", in: folder)
      #expect(found.code == 0, "\(found)")
      for link in ["test images → results", "weights → results", "results → pages"] {
        #expect(found.states[link] == "holds", "\(found)")
      }
      for link in ["images → configuration", "configuration → weights"] {
        #expect(found.states[link] == "not applicable", "\(found)")
      }
      try writeArrays(
        SyntheticImages.make(count: 30, seed: 6, split: .test), to: folder + "/arrays")
      #expect(
        try states("e.h5 --out pages", in: folder).states["test images → results"] == "broken")
    }
  }

  @Test(
    "results are not replaced unasked",
    arguments: ["evaluate", "bounds", "certify", "attack", "audit"])
  func keptResults(command: String) throws {
    try SampleRun.withCopy { folder in
      try write("mine", to: folder + "/r.h5")
      let line = "\(command) run/last.h5 --limit 3 --quiet --out r.h5"
      expectRefusal(
        try Program.run(line, in: folder), code: 73, "r.h5: cannot create: it exists already",
        "--force")
      if command == "audit" {
        expectRefusal(try Program.run(line + " --resume", in: folder), code: 73, "--force")
      }
      #expect(try String(contentsOfFile: folder + "/r.h5", encoding: .utf8) == "mine")
      #expect(!exists(folder + "/r.journal"))
      #expect(try Program.run(line + " --force", in: folder).code == 0)
      #expect(try Program.run("report r.h5 --out pages", in: folder).code == 0)
    }
  }

  @Test(
    "no other file is replaced unasked either",
    arguments: [
      "convert run/last.h5 mine.safetensors", "convert run/last.h5 mine.h5",
      "verify --only cpl.step --quiet --junit mine.xml",
      "selftest --fault step-too-long --only cpl.step --quiet --svg mine.svg",
    ])
  func keptFiles(line: String) throws {
    let name = try #require(line.split(separator: " ").last).description
    try SampleRun.withCopy { folder in
      try write("mine", to: "\(folder)/\(name)")
      expectRefusal(
        try Program.run(line, in: folder), code: 73, "\(name): cannot create: it exists already",
        "--force")
      #expect(try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) == "mine")
      let forced = try Program.run(line + " --force", in: folder)
      #expect(try bytes(of: "\(folder)/\(name)") != Array("mine".utf8), "\(forced)")
    }
  }

  @Test("an audit that goes on replaces its own results and no others")
  func resumedResults() throws {
    try SampleRun.withCopy { folder in
      let line = "audit run/last.h5 --limit 40 --quiet --out a.h5"
      #expect(try Program.run(line + " --budget-passes 1", in: folder).code == 2)
      expectRefusal(
        try Program.run(line, in: folder), code: 73, "a.journal: cannot create")
      #expect(try Program.run(line + " --resume", in: folder).code == 0)
      #expect(try Program.run(line + " --resume", in: folder).code == 0)
      expectRefusal(
        try Program.run(line + " --seed 3 --resume", in: folder), code: 73, "it exists already")
    }
  }

  @Test("pages of other results, edited ones and what others wrote stay as they are")
  func keptPages() throws {
    try SampleRun.withCopy { folder in
      for (limit, name) in [(3, "a.h5"), (4, "b.h5")] {
        let outcome = try Program.run(
          "evaluate run/last.h5 --limit \(limit) --quiet --out \(name)", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
      let again = "report a.h5 --out pages"
      #expect(try Program.run(again + " --csv", in: folder).code == 0)
      #expect(try Program.run(again, in: folder).code == 0, "the same pages are written again")
      expectRefusal(
        try Program.run("report b.h5 --out pages", in: folder), code: 73, "pages/report.html",
        "--force")
      #expect(try states("a.h5 --out pages", in: folder).states["results → pages"] == "holds")
      #expect(try Program.run("report b.h5 --out pages --force", in: folder).code == 0)
      #expect(!exists(folder + "/pages/layers.csv"), "no table of other results is left")
      try write("my notes", to: folder + "/pages/report.md")
      expectRefusal(
        try Program.run("report b.h5 --out pages", in: folder), code: 73, "pages/report.md")
      try FileManager.default.createDirectory(
        atPath: folder + "/other", withIntermediateDirectories: true)
      try write("mine", to: folder + "/other/comparison.md")
      expectRefusal(
        try Program.run("report a.h5 --compare a.h5 --out other", in: folder), code: 73,
        "other/comparison.md")
      #expect(try names(in: folder + "/other") == ["comparison.md"])
    }
  }
}
