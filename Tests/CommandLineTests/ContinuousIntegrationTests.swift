// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Continuous integration: the steps of the GitHub Action and of the GitLab template")
struct ContinuousIntegrationTests {
  private static let scripts = Program.repository.appending(path: "scripts/ci").path

  /// Runs a script with these variables and no others of its kind, the program on the PATH.
  private func run(
    _ script: String, _ variables: [String: String], arguments: [String] = [], in folder: String
  ) throws -> Outcome {
    let program = URL(fileURLWithPath: try #require(Program.path)).deletingLastPathComponent().path
    let clean = ["-u", "GITHUB_ACTIONS", "-u", "GITHUB_STEP_SUMMARY", "-u", "GITHUB_OUTPUT"]
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let settings = variables.map { "\($0)=\($1)" } + ["PATH=\(program):\(path)"]
    return try RunningProgram(
      executable: "/usr/bin/env", clean + settings + [script] + arguments, in: folder
    ).wait()
  }

  private func judge(_ variables: [String: String], in folder: String) throws -> Outcome {
    let github = [
      "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": folder + "/summary",
      "GITHUB_OUTPUT": folder + "/output",
    ]
    return try run(
      Self.scripts + "/judge", github.merging(variables) { $1 }, in: folder)
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test("a requirement that is not met fails the job, with a summary, an annotation and JUnit")
  func unmet() throws {
    try SampleRun.withCopy { folder in
      let outcome = try judge(
        [
          "CPL_COMMAND": "evaluate", "CPL_WEIGHTS": "run/last.h5",
          "CPL_REQUIRE": "accuracy>=0\naccuracy>=1.01\n",
          "CPL_OPTIONS": "--limit 20 --epsilon '0.5' --quiet",
        ], in: folder)
      #expect(outcome.code == 1, "\(outcome)")
      #expect(outcome.output.contains("met: accuracy>=0"), "\(outcome)")
      #expect(outcome.error.contains("::error title=requirement::not met: accuracy>=1.01"))
      #expect(try text(folder + "/summary").contains("accuracy"))
      #expect(try text(folder + "/output") == "exit-code=1\nreport=cpl-verify-report\n")
      for name in ["results.h5", "junit.xml", "report/report.html"] {
        #expect(exists("\(folder)/cpl-verify-report/\(name)"), "\(name)")
      }
    }
  }

  @Test("an audit's verdict is the job's, on GitHub and elsewhere")
  func audit() throws {
    try SampleRun.withCopy { folder in
      let variables = [
        "CPL_COMMAND": "audit", "CPL_WEIGHTS": "run/last.h5", "CPL_REPORT": "here",
        "CPL_OPTIONS": "--limit 3 --quiet --certificate published",
      ]
      let unproved = try judge(variables, in: folder)
      #expect(unproved.code == 2, "\(unproved)")
      #expect(unproved.error.contains("::warning title=certificates::"), "\(unproved)")
      #expect(unproved.error.components(separatedBy: "::warning").count == 2, "once: \(unproved)")
      #expect(try text(folder + "/here/junit.xml").contains("<failure"))
      let allowed = try run(
        Self.scripts + "/judge",
        variables.merging(
          ["CPL_OPTIONS": "--limit 3 --quiet --certificate published --allow-unproved"]
        ) { $1 }, in: folder)
      #expect(allowed.code == 0 && !allowed.error.contains("::"), "\(allowed)")
      #expect(!(try text(folder + "/here/junit.xml").contains("<failure")))
    }
  }

  @Test("checks need no weights, and what cannot be read is said in an annotation")
  func checks() throws {
    try withTemporaryFolder { folder in
      let holds = try judge(["CPL_OPTIONS": "--only cpl.step --quiet"], in: folder)
      #expect(holds.code == 0, "\(holds)")
      #expect(try text(folder + "/cpl-verify-report/junit.xml").contains("cpl.step"))
      let missing = try judge(["CPL_WEIGHTS": "none.h5"], in: folder)
      #expect(missing.code == 66, "\(missing)")
      #expect(missing.output.contains("::error title=cpl-verify::none.h5: no such file"))
      let wrong = try judge(["CPL_COMMAND": "train"], in: folder)
      #expect(wrong.code == 64 && wrong.error.contains("not 'train'"), "\(wrong)")
    }
  }

  /// An archive like those that are released, of a program that only tells its version.
  private func archive(in folder: String) throws -> (path: String, digest: String) {
    let script = """
      mkdir -p tree/bin tree/share/cpl-verify/ci
      printf '#!/bin/sh\\necho cpl-verify 9.9.9\\n' > tree/bin/cpl-verify
      printf '#!/bin/sh\\ncpl-verify --version > judged\\n' > tree/share/cpl-verify/ci/judge
      chmod +x tree/bin/cpl-verify tree/share/cpl-verify/ci/judge
      tar -czf archive.tar.gz tree
      sha256sum archive.tar.gz | tee SHA256SUMS | cut -d ' ' -f 1
      """
    let made = try Program.shell(script, in: folder)
    try #require(made.code == 0, "\(made)")
    return (folder + "/archive.tar.gz", made.output.trimmingCharacters(in: .newlines))
  }

  @Test("a released archive is installed when its digest is right, and refused otherwise")
  func install() throws {
    try withTemporaryFolder { folder in
      let (path, _) = try archive(in: folder)
      let install = Self.scripts + "/install"
      let variables = ["CPL_ARCHIVE": path, "GITHUB_PATH": folder + "/path"]
      let done = try run(install, variables, arguments: ["into"], in: folder)
      #expect(done.code == 0 && done.output == "cpl-verify 9.9.9\n", "\(done)")
      #expect(try text(folder + "/path").hasSuffix("/into/bin\n"))
      let zeros = String(repeating: "0", count: 64)
      let refused = try run(
        install, variables.merging(["CPL_SHA256": zeros]) { $1 }, arguments: ["other"], in: folder)
      #expect(refused.code == 65 && refused.error.contains("expected SHA-256 000"), "\(refused)")
      #expect(!exists(folder + "/other/bin"))
    }
  }

  @Test("GitLab's job does what its template says")
  func gitLab() throws {
    try withTemporaryFolder { folder in
      let (path, digest) = try archive(in: folder)
      let template = try text(Program.repository.appending(path: "templates/cpl-verify.yml").path)
      let steps = template.matches(of: /\n    - (.+)/).map(\.1)
      #expect(steps.count == 6)
      try write("set -e\n" + steps.joined(separator: "\n"), to: folder + "/steps")
      let outcome = try run(
        "/bin/bash", ["CPL_ARCHIVE": "file://\(path)", "CPL_SHA256": digest], arguments: ["steps"],
        in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(try text(folder + "/judged") == "cpl-verify 9.9.9\n")
    }
  }

  @Test("the Action's steps run scripts of the tree with variables that these know")
  func action() throws {
    let action = try text(Program.repository.appending(path: "action.yml").path)
    let scripts = action.matches(of: /scripts\/ci\/([a-z]+)/).map { String($0.1) }
    #expect(scripts == ["install", "judge"])
    let known = try scripts.map { try text("\(Self.scripts)/\($0)") }.joined()
    for variable in action.matches(of: /(CPL_[A-Z0-9]+):/).map(\.1) {
      #expect(known.contains("{\(variable):"), "\(variable)")
    }
    let inputs = action.matches(of: /\n  ([a-z]+):\n    description/).map(\.1)
    for used in action.matches(of: /inputs\.([a-z]+)/).map(\.1) {
      #expect(inputs.contains(used), "\(used)")
    }
  }
}
