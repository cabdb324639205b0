// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What users of the libraries are given beside them, held to the libraries as they were built.
@Suite("Library: examples compile, documentation has no warnings")
struct LibraryTests {
  /// Where the modules that belong to these tests lie.
  private func build() throws -> String {
    URL(fileURLWithPath: try #require(Program.path)).deletingLastPathComponent().path
  }

  /// What a compiler is told to find the modules.
  private func flags() throws -> [String] {
    let build = try build()
    let sources = Program.repository.appending(path: "Sources").path
    let maps =
      ["CHDF5", "COpenBLAS", "CCrypto", "CZlib"].map { "\(sources)/\($0)/module.modulemap" }
      + ["CPLKernels", "CPLResources"].map { "\(build)/\($0).build/module.modulemap" }
      + [build + "/../../checkouts/Yams/Sources/CYaml/include/module.modulemap"]
    let headers = try RunningProgram.tool(
      "pkg-config", ["--cflags-only-I", "hdf5", "openblas", "libcrypto", "zlib"])()
    #expect(headers.code == 0, "\(headers)")
    return ["-I", build + "/Modules"] + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
      + headers.output.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  @Test("examples compile", arguments: ["audit-network", "new-layer"])
  func example(_ name: String) throws {
    try withTemporaryFolder { folder in
      let sources = Program.repository.appending(path: "examples/\(name)/Sources/\(name)").path
      let files = try FileManager.default.contentsOfDirectory(atPath: sources)
      let checked = try RunningProgram.tool(
        "swiftc",
        ["-typecheck", "-swift-version", "6", "-warnings-as-errors"]
          + files.map { "\(sources)/\($0)" } + (try flags()) + ["-module-cache-path", folder])()
      #expect(checked.code == 0, "\(checked)")
    }
  }

  @Test("the audit of one's own network has at most 30 lines")
  func length() throws {
    let file = Program.repository.appending(
      path: "examples/audit-network/Sources/audit-network/main.swift")
    let code = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("//") }
    #expect(code.count <= 30)
  }

  @Test("the catalogue's articles are documentation without warnings")
  func documentation() throws {
    try withTemporaryFolder { folder in
      let extracted = try RunningProgram.tool(
        "swift",
        ["symbolgraph-extract", "-module-name", "CPLVerify", "-target", "x86_64-unknown-linux-gnu"]
          + (try flags()) + ["-output-dir", folder])()
      #expect(extracted.code == 0, "\(extracted)")
      let converted = try RunningProgram.tool(
        "docc",
        [
          "convert", Program.repository.appending(path: "Sources/CPLVerify/CPLVerify.docc").path,
          "--additional-symbol-graph-dir", folder, "--warnings-as-errors", "--output-path",
          folder + "/made",
        ])()
      #expect(converted.code == 0, "\(converted)")
    }
  }
}
