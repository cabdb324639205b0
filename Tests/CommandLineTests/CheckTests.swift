// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("verify and selftest")
struct CheckTests {
  /// Whether Python can read JUnit's XML as CI services do.
  private static let hasJUnitParser =
    (try? RunningProgram.tool("python3", ["-c", "import junitparser"])().code) == 0

  @Test("without weights the built-in network is checked, and stored results are the shown ones")
  func builtIn() throws {
    try withTemporaryFolder { folder in
      let checks =
        "--only cpl.* --only parity.pytorch --only flow.* --skip cpl.potential-convex"
      let outcome = try Program.run(
        "verify \(checks) --json --quiet --junit checks.xml --out checks.h5", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
      let document = try #require(object as? [String: Any])
      #expect(document["verdict"] as? String == "holds")
      let found = try #require(document["checks"] as? [[String: Any]])
      #expect(found.map { $0["id"] as? String }.contains("cpl.tight"))
      #expect(found.allSatisfy { $0["verdict"] as? String == "holds" })
      for key in ["measured", "bound", "tolerance", "seconds"] {
        #expect(found.allSatisfy { $0[key] is Double }, "\(key)")
      }
      let report = try VerificationReport(path: folder + "/checks.h5")
      #expect(report.checks.map(\.id) == found.map { $0["id"] as? String })
      #expect(report.verdict == .holds)
      #expect(try names(in: folder) == ["checks.h5", "checks.xml"])
      let pages = try Program.run("report checks.h5 --out pages", in: folder)
      #expect(pages.code == 0, "\(pages)")
      let page = String(
        decoding: try bytes(of: folder + "/pages/report.html"), as: UTF8.self)
      #expect(page.contains("Holds: \(found.count) of \(found.count) checks of properties hold"))
      #expect(report.checks.allSatisfy { page.contains("<th scope=\"row\">\($0.id)</th>") })
      let figures = report.checks.flatMap(\.figures)
      #expect(!figures.isEmpty)
      #expect(page.components(separatedBy: "<svg").count == 1 + figures.count)
    }
  }

  @Test("steps that are too long are violations: exit code 1, a failure and an annotation")
  func violated() throws {
    try SampleRun.withCopy { folder in
      let stored = try Checkpoint(path: folder + "/run/last.h5")
      var network = stored.network
      network.updateSteps(iterations: 100, workers: .serial)
      for position in network.steppedLayers {
        network[stepped: position].stepRule = .fixed
        network[stepped: position].stepSize *= 1.01
      }
      try network.write(to: folder + "/faulty.h5", description: stored.description)
      let outcome = try Program.shell(
        "GITHUB_ACTIONS=true $0 verify faulty.h5 --only cpl.step --junit checks.xml --quiet",
        in: folder)
      #expect(outcome.code == 1)
      #expect(outcome.output.contains("verdict         violated: 1 violated"))
      // Which layer, and what of it, everywhere.
      let words = #/(convolution|linear)\.\d: h‖W‖² ≤ 2 is violated: at least 2\.0/#
      let lines = outcome.output.split(separator: "\n")
      #expect(lines.count == 2 && lines[0].hasPrefix("violated        cpl.step  "))
      #expect(lines[0].contains(words), "\(outcome)")
      #expect(outcome.error.hasPrefix("::error title=cpl.step::violated: "))
      #expect(outcome.error.contains(words), "\(outcome)")
      let junit = String(decoding: try bytes(of: folder + "/checks.xml"), as: UTF8.self)
      #expect(junit.contains("<failure type=\"violation\"") && junit.contains(words), "\(junit)")
      let plain = try Program.shell(
        "env -u GITHUB_ACTIONS $0 verify faulty.h5 --only cpl.step --quiet", in: folder)
      #expect(plain.code == 1)
      #expect(plain.error.isEmpty)
    }
  }

  @Test("a budget that ran out is inconclusive, and a check without data not applicable")
  func undecided() throws {
    try withTemporaryFolder { folder in
      let late = try Program.run("verify --only cpl.step --budget 0 --quiet", in: folder)
      #expect(late.code == 2)
      #expect(late.output.contains("the budget ran out"))
      let weights = SampleRun.weights
      let lacking = try Program.run(
        "verify \(weights) --limit 3 --only data.labels --only cpl.step --quiet", in: folder)
      #expect(lacking.code == 0, "\(lacking)")
      #expect(lacking.output.contains("not applicable  data.labels"))
    }
  }

  @Test("what holds is counted, and shown with --verbose")
  func short() throws {
    try withTemporaryFolder { folder in
      let line = "verify --only cpl.step --only training.schedule --quiet"
      let short = try Program.run(line, in: folder)
      #expect(short.output == "verdict         holds: 2 hold\n", "\(short)")
      let long = try Program.run(line + " --verbose", in: folder)
      for text in ["holds           cpl.step  ", "source: Meunier", "positive control: "] {
        #expect(long.output.contains(text), "\(text): \(long)")
      }
    }
  }

  @Test(
    "few images, or images of one class, fail no good network",
    arguments: ["--limit 1", "--limit 2", "--limit 20", "--indices 0,10,20,30"])
  func fewImages(choice: String) throws {
    let outcome = try Program.run(
      "verify \(choice) --only data.* --only attack.contract --only network.* --quiet",
      in: "/")
    #expect(outcome.code == 0, "\(outcome)")
    #expect(!outcome.output.contains("violated"), "\(outcome)")
  }

  @Test("checks and faults are listed; what is not there is misuse")
  func choice() throws {
    try withTemporaryFolder { folder in
      let list = try Program.run("verify --list", in: folder)
      #expect(list.code == 0)
      for check in PropertySuite.checks { #expect(list.output.contains(check.id)) }
      let faults = try Program.run("selftest --list", in: folder)
      for fault in PlantedFault.all { #expect(faults.output.contains(fault.id)) }
      for line in [
        "verify --only nothing.*", "verify --skip *", "selftest --fault nothing",
        "verify --budget -1",
        "selftest --seeds 0",
      ] {
        #expect(try Program.run(line, in: folder).code == 64, "\(line)")
      }
      #expect(try Program.run("verify missing.h5 --only cpl.step", in: folder).code == 66)
    }
  }

  @Test("selftest shows which checks notice which faults")
  func selftest() throws {
    try withTemporaryFolder { folder in
      let outcome = try Program.run(
        "selftest --fault step-too-long --fault rate-offset --only cpl.step --only training.* "
          + "--json --quiet --svg matrix.svg", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
      let document = try #require(object as? [String: Any])
      #expect(document["verdict"] as? String == "holds")
      #expect(document["false_alarms"] as? Int == 0)
      let faults = try #require(document["faults"] as? [[String: Any]])
      #expect(faults.map { $0["caught"] as? Bool } == [true, true])
      #expect(faults.map { $0["caught_by"] as? [String] } == [["cpl.step"], ["training.schedule"]])
      #expect(try names(in: folder) == ["matrix.svg"])

      let uncaught = try Program.run(
        "selftest --fault step-too-long --only training.* --quiet", in: folder)
      #expect(uncaught.code == 1)
    }
  }

  @Test(
    "CI services can read the JUnit file",
    .enabled(if: hasJUnitParser, "needs the Python package junitparser"))
  func junit() throws {
    try withTemporaryFolder { folder in
      let outcome = try Program.run(
        "verify --only cpl.step --only training.schedule --junit checks.xml --quiet", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let script = """
        from junitparser import JUnitXml
        report = JUnitXml.fromfile('\(folder)/checks.xml')
        cases = [case for suite in report for case in suite]
        print(len(cases), sum(case.is_passed for case in cases), min(case.time for case in cases) >= 0)
        """
      let read = try RunningProgram.tool("python3", ["-c", script])()
      #expect(read.output == "2 2 True\n", "\(read)")
    }
  }
}
