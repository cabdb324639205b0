// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Stored results")
struct ResultTests {
  @Test(
    "every judgement can be kept, and pages made from it",
    arguments: ["evaluate", "bounds", "certify", "attack", "audit"])
  func pages(command: String) throws {
    try SampleRun.withCopy { folder in
      let line = "\(command) run/last.h5 --indices 0-3 --out results.h5"
      let kept = try Program.run(line + " --json", in: folder)
      #expect(kept.code == 0, "\(kept)")
      _ = try kept.json()
      #expect(
        kept.error
          == "results: results.h5; read them with: cpl-verify report results.h5 --out FOLDER\n")
      let quiet = try Program.run(line + " --quiet --force", in: folder)
      #expect(quiet.code == 0 && quiet.error.isEmpty, "\(quiet)")
      let report = try Program.run("report results.h5 --out pages --json", in: folder)
      #expect(report.code == 0 && report.error.isEmpty, "\(report)")
      _ = try report.json()
      #expect(
        try names(in: folder + "/pages")
          == ["figures", "junit.xml", "pages.sha256", "report.html", "report.json", "report.md"])
      let figures = try names(in: folder + "/pages/figures")
      // All drawings are pictures too, or none is where nothing converts them.
      let converts = (try? RunningProgram.tool("rsvg-convert", ["--version"])().code) == 0
      for format in [".png", ".pdf"] {
        #expect(
          figures.count { $0.hasSuffix(format) }
            == (converts ? figures.count { $0.hasSuffix(".svg") } : 0))
      }
      let page = try String(contentsOfFile: folder + "/pages/report.html", encoding: .utf8)
      #expect(page.contains("for which rsvg-convert") == !converts)
      for name in figures {
        if name.hasSuffix(".png") || name.hasSuffix(".pdf") {
          #expect(
            try bytes(of: "\(folder)/pages/figures/\(name)").prefix(4)
              == (name.hasSuffix(".png") ? [0x89, 0x50, 0x4E, 0x47] : [0x25, 0x50, 0x44, 0x46]))
          continue
        }
        let text = try String(contentsOfFile: "\(folder)/pages/figures/\(name)", encoding: .utf8)
        #expect(name.hasSuffix(".svg") ? text.hasPrefix("<svg xmlns=") : name.hasSuffix(".csv"))
      }
    }
  }

  @Test(
    "an attack's results hold its adversarial images, an evaluation's the accuracy under AutoAttack"
  )
  func attacks() throws {
    try SampleRun.withCopy { folder in
      let attack = try Program.run(
        "attack run/last.h5 --attack minimum-norm --limit 4 --out results.h5 --quiet", in: folder)
      #expect(attack.code == 0 && attack.error.isEmpty, "\(attack)")
      let record = try #require(
        try VerificationReport(path: folder + "/results.h5").attacks["minimum-norm"])
      #expect(record.adversarialImages?.shape == [4, 3, 32, 32])
      let evaluation = try Program.run(
        "evaluate run/last.h5 --limit 4 --pgd 36/255 --autoattack 36/255 --json", in: folder)
      #expect(evaluation.code == 0, "\(evaluation)")
      let shares = try evaluation.json()["autoattack_accuracy"] as? [String: Double]
      let share = try #require(shares?["36/255"])
      #expect((0...1).contains(share))
    }
  }

  @Test(
    "a place where results cannot be kept is refused before the work, not after it",
    arguments: [
      ("run/last.h5", "the weights are in it"), ("run/../run/last.h5", "the weights are in it"),
      ("run", "it is a folder"), ("nowhere/results.h5", "No such file or directory"),
      ("tiny.yml/results.h5", "Not a directory"), ("/dev/null", "it is no regular file"),
    ])
  func impossiblePlace(out: String, reason: String) throws {
    try SampleRun.withCopy { folder in
      let before = try bytes(of: folder + "/run/last.h5")
      expectRefusal(
        try Program.run("evaluate run/last.h5 --limit 5 --out \(out)", in: folder), code: 73,
        "\(out): cannot create: \(reason)")
      #expect(try bytes(of: folder + "/run/last.h5") == before)
      #expect(try names(in: folder) == ["run", "tiny.yml"])
    }
  }

  @Test(
    "results that do not fit on the disk are shown all the same",
    .enabled(if: canMount, "mounting file systems takes root"))
  func fullDisk() throws {
    try withFileSystem(options: "size=8k") { folder in
      let outcome = try Program.run(
        "evaluate run/last.h5 --limit 5 --json --out \(folder)/results.h5", in: SampleRun.folder)
      #expect(outcome.code == 74, "\(outcome)")
      #expect(try outcome.json()["images"] as? Int == 5)
      #expect(
        outcome.error
          == "cpl-verify: error: \(folder)/results.h5: input/output failed: "
          + "No space left on device\n")
      #expect(try names(in: folder).isEmpty)
    }
  }

  @Test("what holds no results makes no pages")
  func noResults() throws {
    try SampleRun.withCopy { folder in
      for (name, code, message) in [
        ("nothing.h5", 66, "no such file"), ("run/last.h5", 65, "attribute 'format'"),
        ("tiny.yml", 65, "expected an HDF5 file"), ("run", 65, "found a folder"),
      ] as [(String, Int32, String)] {
        expectRefusal(
          try Program.run("report \(name) --out pages", in: folder), code: code, name, message)
      }
      #expect(!exists(folder + "/pages"))
      let line = "bounds run/last.h5 --out results.h5 --quiet"
      #expect(try Program.run(line, in: folder).code == 0)
      expectRefusal(
        try Program.run("report results.h5 --out tiny.yml", in: folder), code: 73, "is a file")
    }
  }

  @Test("two results on the same images are set side by side, and others refused")
  func comparison() throws {
    try SampleRun.withCopy { folder in
      for (flags, name) in [
        ("--limit 30", "a.h5"), ("--limit 30 --profile published", "b.h5"), ("--limit 20", "c.h5"),
      ] {
        let outcome = try Program.run(
          "evaluate run/last.h5 \(flags) --out \(name) --quiet", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
      let text = try Program.run("report a.h5 --compare b.h5 --out pages", in: folder)
      #expect(text.code == 0 && text.error.isEmpty, "\(text)")
      #expect(text.output.contains("clean accuracy") && text.output.contains("McNemar"))
      #expect(text.output.contains("profile") && !text.output.contains("processor"))
      #expect(
        try names(in: folder + "/pages")
          == ["comparison.html", "comparison.json", "comparison.md", "comparison.sha256"])
      let json = try Program.run("report a.h5 --compare b.h5 --json", in: folder).json()
      #expect(json["images"] as? Int == 30 && json["shares"] != nil)
      expectRefusal(
        try Program.run("report a.h5 --compare c.h5", in: folder), code: 65,
        "expected results on the same images", "a.h5 on 30 images", "c.h5 on 20 images")
      expectRefusal(
        try Program.run("report a.h5 --compare b.h5 --check", in: folder), code: 64, "--compare")
      expectRefusal(
        try Program.run("report a.h5 --selftest tiny.yml --out pages", in: folder), code: 65,
        "tiny.yml: expected what 'selftest --json' prints")
    }
  }
}
