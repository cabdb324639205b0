// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Audits that stop and go on")
struct AuditTests {
  static let line = "audit run/last.h5 --limit 70 --out audit.h5"

  /// The digest of an audit that is not interrupted.
  static let uninterrupted: String? = {
    try? SampleRun.withCopy { folder in
      #expect(try Program.run(line + " --quiet", in: folder).code == 0)
      #expect(
        try names(in: folder) == ["audit.events.jsonl", "audit.h5", "run", "tiny.yml"],
        "no journal is left")
      return try contentDigest("audit.h5", in: folder)
    }
  }()

  static func contentDigest(_ results: String, in folder: String) throws -> String {
    let report = try Program.run("report \(results) --out pages --force --json", in: folder)
    return try #require(try report.json()["content_digest"] as? String)
  }

  /// Starts an audit and waits until some of it is done.
  private func start(in folder: String) throws -> RunningProgram {
    let words = Self.line.split(separator: " ").map(String.init) + ["--threads", "1"]
    let program = try Program.start(words, in: folder)
    program.wait { (try? bytes(of: folder + "/audit.journal").count { $0 == 10 }) ?? 0 >= 2 }
    return program
  }

  @Test("a finished audit that nobody reads leaves its results and no journal")
  func unread() throws {
    try SampleRun.withCopy { folder in
      let pipe = try Program.shell(
        "{ \"$0\" \(Self.line) --quiet; echo $? >&2; } | true", in: folder)
      #expect(pipe.error == "74\n", "\(pipe)")
      #expect(try names(in: folder) == ["audit.events.jsonl", "audit.h5", "run", "tiny.yml"])
    }
  }

  @Test("a killed audit goes on from its journal and ends as if nothing had happened")
  func killed() throws {
    try SampleRun.withCopy { folder in
      let program = try start(in: folder)
      program.send(SIGKILL)
      #expect(try program.wait().code == 128 + SIGKILL)
      #expect(!exists(folder + "/audit.h5"))
      expectRefusal(
        try Program.run(Self.line, in: folder), code: 73,
        "audit.journal: cannot create: an interrupted run left it", "--resume")
      for (flags, message) in [
        ("--seed 3", "seed 0, found 3"), ("--limit 69", "data "),
        ("--certificate lipschitz", "certificate lipschitz, found sound"),
        ("--shard 1/2", "shard 1/1, found 1/2"), ("--attack pgd-published", "attacks "),
      ] {
        let name = String(flags.split(separator: " ")[0])
        let words =
          flags.hasPrefix("--limit") ? Self.line.replacing("--limit 70", with: "") : Self.line
        let outcome = try Program.run("\(words) \(flags) --resume", in: folder)
        #expect(outcome.code == 65, "\(name): \(outcome)")
        if !flags.hasPrefix("--certificate") {
          #expect(outcome.message?.contains(message) == true, "\(outcome)")
        }
      }
      let resumed = try Program.run(Self.line + " --resume --quiet", in: folder)
      #expect(resumed.code == 0 && resumed.error.isEmpty, "\(resumed)")
      #expect(try Self.contentDigest("audit.h5", in: folder) == Self.uninterrupted)
      #expect(!exists(folder + "/audit.journal"))
      let results = try bytes(of: folder + "/audit.h5")
      let finished = try Program.run(Self.line + " --resume", in: folder)
      #expect(finished.code == 0 && finished.output == resumed.output, "\(finished)")
      #expect(finished.error == "audit.h5 holds these results already\n")
      #expect(try bytes(of: folder + "/audit.h5") == results)
    }
  }

  @Test(
    "a signal saves the audit, and the message says how it goes on",
    arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func signal(number: Int32, code: Int32) throws {
    try SampleRun.withCopy { folder in
      let program = try start(in: folder)
      program.send(number)
      let outcome = try program.wait()
      #expect(outcome.code == code && outcome.output.isEmpty, "\(outcome)")
      #expect(
        outcome.error.hasSuffix(
          "stopped; continue with: cpl-verify \(Self.line) --threads 1 --resume\n"), "\(outcome)")
      #expect(try Program.run(Self.line + " --resume", in: folder).code == 0)
      #expect(try Self.contentDigest("audit.h5", in: folder) == Self.uninterrupted)
    }
  }

  @Test("a damaged journal is refused, and one that another process writes")
  func refusedJournals() throws {
    try SampleRun.withCopy { folder in
      let program = try start(in: folder)
      expectRefusal(
        try Program.run(Self.line + " --resume", in: folder), code: 73,
        "audit.journal: cannot create: another process is writing it")
      program.send(SIGTERM)
      #expect(try program.wait().code == 143)
      var journal = try bytes(of: folder + "/audit.journal")
      journal[100] ^= 1
      try Data(journal).write(to: URL(fileURLWithPath: folder + "/audit.journal"))
      expectRefusal(
        try Program.run(Self.line + " --resume", in: folder), code: 65, "audit.journal: record 0")
    }
  }

  @Test(
    "on a full disk what is done stays, and the audit goes on when there is room",
    .enabled(if: canMount, "mounting file systems takes root"))
  func fullDisk() throws {
    try withFileSystem(options: "size=12k") { folder in
      let line = "audit run/last.h5 --limit 70 --quiet --out \(folder)/audit.h5"
      expectRefusal(
        try Program.run(line, in: SampleRun.folder), code: 74, "\(folder)/audit.journal",
        "No space left on device")
      #expect(try names(in: folder) == ["audit.events.jsonl", "audit.journal"])
      try RunningProgram.remount(folder, "size=2m")
      #expect(try Program.run(line + " --resume", in: SampleRun.folder).code == 0)
      #expect(try Self.contentDigest("\(folder)/audit.h5", in: folder) == Self.uninterrupted)
    }
  }

  @Test("results do not depend on the number of threads", arguments: [1, 2, 3, 8])
  func threads(_ count: Int) throws {
    try SampleRun.withCopy { folder in
      let outcome = try Program.run("\(Self.line) --threads \(count) --quiet", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let digest = try Self.contentDigest("audit.h5", in: folder)
      #expect(digest == Self.uninterrupted)
    }
  }

  @Test("a budget that runs out is inconclusive, and more of it goes on from there")
  func budget() throws {
    try SampleRun.withCopy { folder in
      let some = try Program.run(Self.line + " --budget-passes 15000 --json", in: folder)
      #expect(some.code == 2, "\(some)")
      let json = try some.json()
      #expect(json["verdict"] as? String == "inconclusive")
      #expect(json["searched"] as? Int ?? 0 > 0)
      #expect(some.error.hasSuffix("the budget ran out; --resume continues from audit.journal\n"))
      let digest = try Self.contentDigest("audit.h5", in: folder)
      let again = try Program.run(
        "audit run/last.h5 --limit 70 --out again.h5 --quiet --budget-passes "
          + "\(json["passes"] as? Int ?? 0)", in: folder)
      #expect(again.code == 2)
      #expect(try Self.contentDigest("again.h5", in: folder) == digest)
      let rest = try Program.run(Self.line + " --resume --budget 1000", in: folder)
      #expect(rest.code == 0, "\(rest)")
      #expect(try Self.contentDigest("audit.h5", in: folder) == Self.uninterrupted)
      let none = try Program.run("audit run/last.h5 --limit 40 --budget 1e-9", in: folder)
      #expect(none.code == 2 && none.output.contains("40 not attacked"), "\(none)")
    }
  }
}

extension RunningProgram {
  /// Changes the options of a mounted file system.
  static func remount(_ folder: String, _ options: String) throws {
    try #require(try tool("mount", ["-o", "remount,\(options)", folder])().code == 0)
  }
}
