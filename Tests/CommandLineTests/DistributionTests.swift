// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Whether Python is here, with NumPy where that is named.
private func hasPython(with module: String = "json") -> Bool {
  (try? RunningProgram.tool("python3", ["-c", "import \(module)"])().code) == 0
}

private func text(of path: String) throws -> String {
  try String(
    contentsOfFile: Program.repository.appending(path: path).path, encoding: .utf8)
}

@Suite("Distribution: version, help, man pages, completions, the Python module")
struct DistributionTests {
  @Test("the version stands in VERSION, and everything else follows it")
  func version() throws {
    let version = try text(of: "VERSION").trimmingCharacters(in: .newlines)
    #expect(
      try Program.run("--version", in: "/").output.hasPrefix("cpl-verify \(version) ("))
    #expect(try text(of: "CITATION.cff").contains("\nversion: \(version)\n"))
    let changes = try text(of: "CHANGELOG.md")
    #expect(changes.contains("\n## [Unreleased]\n"))
  }

  @Test("every source names its licence, at its head")
  func licences() throws {
    let folders = ["Sources", "Tests", "checker", "examples", "fixtures", "python"]
    let sources = folders.flatMap { folder in
      (FileManager.default.enumerator(
        atPath: Program.repository.appending(path: folder).path)?.compactMap { $0 as? String } ?? [])
        .filter { path in
          ["swift", "c", "h", "cl", "py"].contains(path.split(separator: ".").last)
            && !path.contains(".build")
        }
        .map { "\(folder)/\($0)" }
    }
    #expect(sources.count > 700)
    for path in sources {
      let head = try text(of: path).prefix(120)
      #expect(head.contains("SPDX-License-Identifier: Apache-2.0"), "\(path)")
    }
  }

  @Test("a release names what was unreleased, commits and tags it, once")
  func release() throws {
    try withTemporaryFolder { folder in
      for name in ["VERSION", "CHANGELOG.md", "CITATION.cff"] {
        try write(try text(of: name), to: "\(folder)/\(name)")
      }
      try FileManager.default.createDirectory(
        atPath: folder + "/scripts", withIntermediateDirectories: false)
      try FileManager.default.copyItem(
        atPath: Program.repository.appending(path: "scripts/release").path,
        toPath: folder + "/scripts/release")
      let script = """
        export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
        git init -q && git add -A && git commit -qm start
        scripts/release 7.8.9 && git show --stat --format=%s v7.8.9 && scripts/release --notes
        """
      let made = try Program.shell(script, in: folder)
      #expect(made.code == 0, "\(made)")
      for text in ["Version 7.8.9", "CHANGELOG.md", "CITATION.cff", "VERSION", "### Added"] {
        #expect(made.output.contains(text), "\(text): \(made)")
      }
      let changes = try String(contentsOfFile: folder + "/CHANGELOG.md", encoding: .utf8)
      #expect(changes.contains("## [Unreleased]\n\n## [7.8.9] - 2"))
      let again = try Program.shell("scripts/release 7.8.9", in: folder)
      #expect(again.code == 73 && again.error.contains("v7.8.9 exists"), "\(again)")
      let empty = try Program.shell("scripts/release 7.9.0", in: folder)
      #expect(empty.code == 65 && empty.error.contains("nothing under Unreleased"), "\(empty)")
    }
  }

  @Test(
    "help has topics beside the commands",
    arguments: [
      (
        "exit-codes",
        ["0 ", "1 ", "2 ", "64 ", "65 ", "66 ", "73 ", "74 ", "130 ", "143 ", "README.md"]
      ),
      ("formats", ["weights", "images", "cifar10", "results", "docs/formats.md"]),
      (
        "certificates",
        ["published", "No proof.", "lipschitz", "sound", "local", "docs/soundness.md"]
      ),
    ])
  func topics(topic: String, words: [String]) throws {
    let outcome = try Program.run("help \(topic)", in: "/")
    #expect(outcome.code == 0 && outcome.error.isEmpty, "\(outcome)")
    for word in words { #expect(outcome.output.contains(word), "\(word): \(outcome)") }
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(try Program.run("--help", in: "/").output.contains("'cpl-verify help \(topic)'"))
    let command = try Program.run("help audit", in: "/")
    #expect(command.output.contains("USAGE: cpl-verify audit"))
  }

  @Test("completions are scripts that shells read", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    try withTemporaryFolder { folder in
      let outcome = try Program.run("--generate-completion-script \(shell)", in: folder)
      #expect(outcome.code == 0 && outcome.output.contains("require"), "\(outcome)")
      try write(outcome.output, to: folder + "/script")
      if try RunningProgram.tool(shell, ["-c", "true"])().code == 0 {
        let read = try RunningProgram.tool(shell, ["-n", folder + "/script"])()
        #expect(read.code == 0, "\(read)")
      }
    }
  }

  @Test(
    "each command has a man page with all of its options", .enabled(if: hasPython(), "needs Python")
  )
  func manPages() throws {
    try withTemporaryFolder { folder in
      let made = try RunningProgram.tool(
        Program.repository.appending(path: "packaging/manpages.py").path,
        [try #require(Program.path), folder + "/man", "2026-01-01"])()
      #expect(made.code == 0, "\(made)")
      let root = try String(contentsOfFile: folder + "/man/cpl-verify.1", encoding: .utf8)
      #expect(root.contains(".SH EXIT CODES") && root.contains(".SH CERTIFICATES"))
      let pages = try names(in: folder + "/man")
      #expect(pages.count == 18, "\(pages)")
      let help = try Program.run("evaluate --help", in: "/").output
      let page = try String(
        contentsOfFile: folder + "/man/cpl-verify-evaluate.1", encoding: .utf8)
      for option in help.matches(of: /\n  (?:-h, )?(--[a-z-]+)/).map(\.1) {
        #expect(page.contains(option.replacing("-", with: "\\-")), "\(option)")
      }
    }
  }

  @Test(
    "the Python module's figures are the command line's",
    .enabled(if: hasPython(with: "numpy"), "needs Python with NumPy"))
  func pythonModule() throws {
    let folder = Program.repository.appending(path: "python").path
    let outcome = try RunningProgram.tool(
      "env",
      [
        "PYTHONPATH=\(folder)", "PYTHONDONTWRITEBYTECODE=1",
        "CPL_VERIFY_PROGRAM=\(try #require(Program.path))", "python3", "-m", "unittest", "discover",
        folder + "/tests",
      ])()
    #expect(outcome.code == 0, "\(outcome)")
  }
}

@Suite("Packages", .enabled(if: runsSlowTests, "builds a release; set CPL_SLOW_TESTS=1"))
struct PackageTests {
  @Test("a released archive runs alone, is small, tells no path and is made the same again")
  func archive() throws {
    try withTemporaryFolder { folder in
      let script = Program.repository.appending(path: "scripts/package").path
      for name in ["one", "two"] {
        let made = try RunningProgram.tool(script, ["\(folder)/\(name)"])()
        try #require(made.code == 0, "\(made)")
      }
      func digests(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(name)/SHA256SUMS", encoding: .utf8)
      }
      #expect(try digests("one") == digests("two"))
      let files = try names(in: folder + "/one")
      let archive = "\(folder)/one/\(try #require(files.first { $0.hasSuffix(".tar.gz") }))"
      #expect(try bytes(of: archive).count < 60_000_000)
      let unpacked = try RunningProgram.tool(
        "tar", ["-xzf", archive, "--strip-components", "1", "-C", folder])()
      try #require(unpacked.code == 0, "\(unpacked)")
      let program = folder + "/bin/cpl-verify"
      let ran = try RunningProgram.tool("env", ["-i", program, "verify", "--only", "cpl.*"])()
      #expect(ran.code == 0, "\(ran)")
      let needs = try RunningProgram.tool("ldd", [program])()
      #expect(!needs.output.contains("not found") && !needs.output.contains("swift"), "\(needs)")
      // The C library of Debian 11.
      let symbols = try RunningProgram.tool(
        "sh", ["-c", "objdump -T \(program) \(folder)/lib/cpl-verify/*"])()
      let versions = symbols.output.matches(of: /GLIBC_2\.(\d+)/).compactMap { Int($0.1) }
      #expect(try #require(versions.max()) <= 31)
    }
  }
}
