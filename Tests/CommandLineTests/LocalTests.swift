// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Local certificates that stop and go on, and in shards")
struct LocalTests {
  private static let line =
    "run/last.h5 --limit 48 --certificate local --radius --threads 1"

  /// The digest of a search that is not interrupted.
  private static let whole: String? = {
    try? SampleRun.withCopy { folder in
      #expect(try Program.run("evaluate \(line) --out whole.h5", in: folder).code == 0)
      #expect(!exists(folder + "/whole.journal"))
      return try AuditTests.contentDigest("whole.h5", in: folder)
    }
  }()

  private func digest(_ results: String, in folder: String) throws -> String {
    try AuditTests.contentDigest(results, in: folder)
  }

  /// Starts a command and kills it when some of its images are done.
  private func kill(_ command: String, in folder: String) throws {
    let program = try Program.start(command.split(separator: " ").map(String.init), in: folder)
    program.wait { (try? bytes(of: folder + "/killed.journal").count { $0 == 10 }) ?? 0 >= 2 }
    program.send(SIGKILL)
    #expect(try program.wait().code == 128 + SIGKILL)
  }

  @Test("a killed evaluation goes on from its journal and ends as if nothing had happened")
  func killed() throws {
    try SampleRun.withCopy { folder in
      let killed = "evaluate \(Self.line) --out killed.h5"
      try kill(killed, in: folder)
      expectRefusal(
        try Program.run(killed, in: folder), code: 73,
        "killed.journal: cannot create: an interrupted run left it", "--resume")
      let other = try Program.run(
        "evaluate \(Self.line.replacing("--radius", with: "")) --out killed.h5 --resume", in: folder
      )
      #expect(other.code == 65 && other.message?.contains("local ") == true, "\(other)")
      let resumed = try Program.run("\(killed) --resume --json", in: folder)
      #expect(resumed.code == 0, "\(resumed)")
      let json = try resumed.json()
      #expect(json["local_searched"] as? Int == 48)
      #expect(json["local_seconds_per_image"] as? Double ?? 0 > 0)
      #expect(!exists(folder + "/killed.journal"))
      #expect(try digest("killed.h5", in: folder) == Self.whole)
      // Finished results are not computed again.
      let again = try Program.run("\(killed) --resume --json", in: folder)
      #expect(try again.code == 0 && again.json()["local_seconds_per_image"] is NSNull)
      #expect(try digest("killed.h5", in: folder) == Self.whole)
    }
  }

  @Test("shards of certificates put together are those of one run")
  func shards() throws {
    try SampleRun.withCopy { folder in
      for number in 1...3 {
        let shard = try Program.run(
          "certify \(Self.line) --shard \(number)/3 --out \(number).h5", in: folder)
        #expect(shard.code == 0, "\(shard)")
      }
      let merged = try Program.run("report 2.h5 3.h5 1.h5 --out pages --json", in: folder)
      #expect(try merged.json()["content_digest"] as? String == Self.whole)
      let other = try Program.run(
        "certify \(Self.line.replacing("--radius", with: "")) --shard 1/3 --out 4.h5", in: folder)
      #expect(other.code == 0)
      expectRefusal(
        try Program.run("report 4.h5 2.h5 3.h5 --out others", in: folder), code: 65,
        "local certificates targets")
    }
  }

  @Test("what a budget leaves is said in every output, and more of it goes on from there")
  func budget() throws {
    try SampleRun.withCopy { folder in
      let line = "evaluate \(Self.line) --out some.h5"
      let some = try Program.run("\(line) --budget 0.000001 --json", in: folder)
      #expect(some.code == 0 && some.error.hasSuffix("--resume continues from some.journal\n"))
      #expect(try some.json()["local_searched"] as? Int ?? 48 < 24)
      let headline = try #require(try some.json()["headline"] as? String)
      #expect(headline.contains("of which time allowed to search"), "\(headline)")
      let pages = try Program.run("report some.h5 --out pages --csv", in: folder)
      #expect(pages.code == 0 && pages.output.contains("of which time allowed to search"))
      for name in ["report.md", "report.html", "report.json", "certificates.csv"] {
        let text = try String(contentsOfFile: "\(folder)/pages/\(name)", encoding: .utf8)
        #expect(text.contains("ime allowed to search") || text.contains("local_searched"))
      }
      #expect(try Program.run("\(line) --resume", in: folder).code == 0)
      #expect(try digest("some.h5", in: folder) == Self.whole)
    }
  }

  @Test("an audit that goes on searches no local radius again, and shows them beside the others")
  func audit() throws {
    try SampleRun.withCopy { folder in
      let line = "audit \(Self.line) --out killed.h5"
      let whole = line.replacing("killed", with: "whole")
      #expect(try Program.run(whole, in: folder).code == 0)
      try kill(line, in: folder)
      let radii = try bytes(of: folder + "/killed.journal").count { $0 == 10 }
      #expect(radii >= 2)
      let resumed = try Program.run(line + " --resume", in: folder)
      #expect(resumed.code == 0, "\(resumed)")
      #expect(try digest("killed.h5", in: folder) == digest("whole.h5", in: folder))
      let pages = try Program.run("report killed.h5 --out pages --json", in: folder)
      let json = try pages.json()
      let evaluation = try #require(json["evaluation"] as? [String: Any])
      let certified = try #require(evaluation["certified_accuracy"] as? [String: Any])
      #expect(certified["local"] != nil)
      let text = try String(contentsOfFile: "\(folder)/pages/report.html", encoding: .utf8)
      #expect(text.contains(">local</th>") && text.contains(">empirical robust accuracy<"))
    }
  }
}
