// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
  "Killed at random moments",
  .enabled(if: runsSlowTests, "takes some minutes; set CPL_SLOW_TESTS=1"))
struct CrashTests {
  /// Runs a command again and again, killed each time a little later than the time before, until it
  /// comes to its end.
  ///
  /// - Returns: how often it was killed.
  private func runKilled(
    _ first: String, then next: String, in folder: String, within milliseconds: UInt32,
    isBegun: () -> Bool
  ) throws -> Int {
    for round in 0..<200 {
      let line = isBegun() ? next : first
      let program = try Program.start(line.split(separator: " ").map(String.init), in: folder)
      let moment = Date().addingTimeInterval(
        Double(UInt32.random(in: 0...milliseconds) * UInt32(round + 1)) / 1000)
      program.wait { Date() >= moment }
      program.send(SIGKILL)
      let outcome = try program.wait()
      if outcome.code == 0 { return round }
      #expect(outcome.code == 128 + SIGKILL, "\(outcome)")
    }
    Issue.record("it never came to its end")
    return 0
  }

  @Test("fifty training runs: every one ends with the same bytes, and no file is unreadable")
  func training() throws {
    var kills = 0
    for _ in 0..<50 {
      try withTemporaryFolder { folder in
        try write(ResumptionTests.longer, to: folder + "/longer.yml")
        kills += try runKilled(
          "train longer.yml --limit 400 --threads 1 --out run --save-every 0 --quiet",
          then: "train --resume run --threads 1 --save-steps 3 --quiet", in: folder, within: 150
        ) {
          for name in ["last.h5", "previous.h5", "best.h5"] where exists("\(folder)/run/\(name)") {
            let inspected = try? Program.run("inspect run/\(name)", in: folder)
            #expect(inspected?.code == 0, "\(name): \(String(describing: inspected))")
          }
          return exists(folder + "/run/run.yml")
        }
        for name in ["last.h5", "best.h5", "history.h5"] {
          #expect(
            try bytes(of: "\(folder)/run/\(name)") == ResumptionTests.uninterrupted[name])
        }
        #expect(
          try names(in: folder + "/run")
            == [
              "best.h5", "events.jsonl", "history.h5", "last.h5", "lock", "previous.h5", "run.yml",
            ])
      }
    }
    #expect(kills >= 50)
    print("training: killed \(kills) times")
  }

  @Test("twenty audits: every one ends with the same digest")
  func audits() throws {
    var kills = 0
    for _ in 0..<20 {
      try SampleRun.withCopy { folder in
        let line = AuditTests.line + " --quiet --resume"
        kills += try runKilled(line, then: line, in: folder, within: 800) { true }
        #expect(try AuditTests.contentDigest("audit.h5", in: folder) == AuditTests.uninterrupted)
        #expect(
          try names(in: folder) == ["audit.events.jsonl", "audit.h5", "pages", "run", "tiny.yml"])
      }
    }
    #expect(kills >= 20)
    print("audits: killed \(kills) times")
  }
}
