// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Reproductions")
struct ReproduceTests {
  private static let line = "reproduce longer.yml --limit 400 --audit 16 --threads 1 --quiet"

  /// The digests that a run's folder names.
  private static func digests(in folder: String) throws -> [String: String] {
    let path = folder + "/reports/tiny-synthetic-seed0/reproduction.json"
    let data = try Data(contentsOf: URL(filePath: path))
    let records = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    return try #require(records.first?["digests"] as? [String: String])
  }

  /// The digests of the longer run, not interrupted.
  private static let uninterrupted: [String: String] = {
    do {
      return try withTemporaryFolder { folder in
        try write(ResumptionTests.longer, to: folder + "/longer.yml")
        let outcome = try Program.run(line, in: folder)
        #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
        return try digests(in: folder)
      }
    } catch {
      Issue.record(error)
      return [:]
    }
  }()

  @Test(
    "one that is interrupted or killed goes on, and ends with the same digests",
    arguments: [
      ("run.yml", SIGTERM, 143), ("run.yml", SIGKILL, 137), ("history.h5", SIGINT, 130),
      ("audit.journal", SIGKILL, 137), ("audit.journal", SIGINT, 130),
    ] as [(String, Int32, Int32)])
  func interrupted(file: String, signal: Int32, code: Int32) throws {
    try withTemporaryFolder { folder in
      try write(ResumptionTests.longer, to: folder + "/longer.yml")
      let arguments = Self.line.split(separator: " ").map(String.init)
      let program = try Program.start(arguments, in: folder)
      program.wait { exists("\(folder)/runs/tiny-synthetic-seed0/\(file)") }
      program.send(signal)
      let outcome = try program.wait()
      #expect(outcome.code == code && outcome.output.isEmpty, "\(outcome)")
      let resumed = try Program.run(arguments, in: folder)
      #expect(resumed.code == 0 && resumed.error.isEmpty, "\(resumed)")
      #expect(try Self.digests(in: folder) == Self.uninterrupted)
    }
  }

  @Test("what is finished is known and left as it is; the folder of pages holds no weights")
  func finished() throws {
    try withTemporaryFolder { folder in
      try write(TinyConfiguration.yaml, to: folder + "/tiny.yml")
      let line = "reproduce tiny.yml --limit 100 --audit 4"
      let first = try Program.run(line + " --seeds 0,1 --json", in: folder)
      #expect(first.code == 0, "\(first)")
      let ran = try #require(try first.json()["ran"] as? [[String: Any]])
      #expect(ran.compactMap { $0["seed"] as? Int } == [0, 1])
      #expect(try first.json()["not_run"] as? [String] == [])
      #expect(
        try names(in: folder + "/reports/tiny-synthetic-seed1") == [
          "experiment.yml", "junit.xml", "pages.sha256", "report.html", "report.json",
          "report.md", "reproduction.json",
        ])
      let kept = "\(folder)/runs/tiny-synthetic-seed0/"
      let before = try ["last.h5", "results.h5"].map { try bytes(of: kept + $0) }
      // Nothing is left to do, so that no budget is needed.
      let second = try Program.run(line + " --seeds 0,1 --budget 0", in: folder)
      #expect(second.code == 0 && second.output.contains("ran       tiny-synthetic-seed1"))
      #expect(second.error.contains("tiny-synthetic-seed0: done before, results "), "\(second)")
      #expect(try ["last.h5", "results.h5"].map { try bytes(of: kept + $0) } == before)
      let third = try Program.run(line + " --seeds 0,2 --budget 0 --quiet", in: folder)
      #expect(third.code == 2, "\(third)")
      #expect(third.output.contains("not run   tiny-synthetic-seed2: the budget is 0\n"))
      let readme = try String(contentsOfFile: folder + "/reports/README.md", encoding: .utf8)
      #expect(readme.contains("tiny-synthetic-seed2 | the budget is 0"))
    }
  }

  @Test("shards leave what one process would have; collected, the pages are the same")
  func shards() throws {
    try withTemporaryFolder { folder in
      try write(TinyConfiguration.yaml, to: folder + "/tiny.yml")
      let line = "reproduce tiny.yml --limit 60 --audit 4 --quiet --seeds 0,1,2"
      #expect(try Program.run(line + " --out one --runs single", in: folder).code == 0)
      let shared = line + " --out pages --runs runs"
      // Two at once, then a part that is empty, then the last one.
      let parts = try (1...2).map {
        try Program.start(
          (shared + " --shard \($0)/4").split(separator: " ").map(String.init), in: folder)
      }
      for part in parts {
        let outcome = try part.wait()
        #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
        #expect(outcome.output.contains("ran       tiny-synthetic-seed"), "\(outcome)")
      }
      #expect(!exists(folder + "/pages"))
      let early = try Program.run(shared + " --collect", in: folder)
      #expect(early.code == 2, "\(early)")
      #expect(early.output.contains("not run   tiny-synthetic-seed2: it was not begun\n"))
      let empty = try Program.run(shared + " --shard 4/4", in: folder)
      #expect(empty.code == 0 && empty.output == "none of the runs is in part 4/4\n", "\(empty)")
      #expect(try Program.run(shared + " --shard 3/4", in: folder).code == 0)
      try FileManager.default.removeItem(atPath: folder + "/pages")
      let collected = try Program.run(shared + " --collect", in: folder)
      #expect(collected.code == 0 && collected.error.isEmpty, "\(collected)")
      func text(_ path: String) throws -> String {
        try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
          .replacing("--out pages --runs runs", with: "--out one --runs single")
      }
      #expect(try text("pages/README.md") == text("one/README.md"))
      for seed in 0...2 {
        let page = "/tiny-synthetic-seed\(seed)/reproduction.json"
        #expect(try text("pages" + page) == text("one" + page))
      }
    }
  }

  @Test("the configuration in the reports makes the same weights, whatever set the epochs")
  func configuration() throws {
    try withTemporaryFolder { folder in
      let many = TinyConfiguration.yaml(replacing: "epochs: 1", by: "epochs: 100000")
      try write(many, to: folder + "/tiny.yml")
      let outcome = try Program.run(
        "reproduce tiny.yml --limit 100 --audit 0 --budget 12s --quiet", in: folder)
      #expect(outcome.code == 0 && outcome.output.contains(" of 100000 epochs"), "\(outcome)")
      let run = try String(
        contentsOfFile: folder + "/runs/tiny-synthetic-seed0/run.yml", encoding: .utf8)
      #expect(run.contains("epochs_reason: an epoch takes"))
      let again = try Program.run(
        "train reports/tiny-synthetic-seed0/experiment.yml --limit 100 --out again --quiet",
        in: folder)
      #expect(again.code == 0, "\(again)")
      #expect(
        try bytes(of: folder + "/again/last.h5")
          == bytes(of: folder + "/runs/tiny-synthetic-seed0/last.h5"))
    }
  }

  @Test("a folder with another run is not taken for this one")
  func otherRun() throws {
    try withTemporaryFolder { folder in
      try write(TinyConfiguration.yaml, to: folder + "/tiny.yml")
      let line = "reproduce tiny.yml --audit 0 --quiet"
      #expect(try Program.run(line + " --limit 100", in: folder).code == 0)
      expectRefusal(
        try Program.run(line + " --limit 99", in: folder), code: 65,
        "runs/tiny-synthetic-seed0/run.yml: images: expected training images with digest",
        "name another folder with --runs")
      expectRefusal(
        try Program.run(line + " --limit 100 --epochs 2", in: folder), code: 65,
        "expected a run of 2 epochs, found one of 1")
      try write(
        TinyConfiguration.yaml(replacing: "channels: 4", by: "channels: 5"),
        to: folder + "/tiny.yml")
      expectRefusal(
        try Program.run(line + " --limit 100", in: folder), code: 65,
        "expected the configuration of tiny-synthetic-seed0, found another")
    }
  }

  @Test("what cannot be reproduced is refused in one line")
  func refused() throws {
    let folder = SampleRun.folder
    for (arguments, code, text) in [
      ("nothing", 64, "'nothing' is not one of cpl-tiny"),
      ("cpl-tiny cpl-tiny", 64, "named twice"), ("cpl-tiny --seeds 1,1", 64, "--seeds"),
      ("cpl-tiny --budget soon", 64, "--budget"),
      ("cpl-tiny --shard 3/2", 64, "--shard"),
      ("cpl-tiny --collect --shard 1/2", 64, "give either"),
      ("cpl-tiny --shard 1/2 --budget 2h", 64, "take no --budget"),
      ("cpl-tiny --audit -1", 64, "--audit is 0"),
      ("cpl-tiny --indices 0-9", 64, "--limit"), ("missing.yml", 66, "missing.yml"),
      ("table-cifar10", 65, "expected cifar10, which table-cifar10 is about"),
    ] {
      expectRefusal(
        try Program.run("reproduce \(arguments) --out nowhere --runs nowhere", in: folder),
        code: Int32(code), text)
    }
    #expect(!exists(folder + "/nowhere"))
  }

  @Test("quirks are measured each alone, in one folder, and judged on shared weights")
  func quirks() throws {
    try withTemporaryFolder { folder in
      let outcome = try Program.run(
        "reproduce quirks --limit 40 --epochs 5 --quiet --json", in: folder)
      #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
      let ran = try #require(try outcome.json()["ran"] as? [[String: Any]])
      #expect(ran.count == 9)
      let weights = ran.compactMap { ($0["digests"] as? [String: String])?["weights"] }
      #expect(weights.count == 9 && Set(weights).count == 6, "six of them are trained")
      #expect(
        try names(in: folder + "/reports") == ["README.md", "cpl-tiny-synthetic-quirks"])
      #expect(
        try names(in: folder + "/reports/cpl-tiny-synthetic-quirks")
          == ["report.html", "report.md", "reproduction.json"])
    }
  }
}
