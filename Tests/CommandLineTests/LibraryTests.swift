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
      ["CHDF5", "COpenBLAS", "CCrypto", "CZlib", "CPLKernels/include"].map {
        "\(sources)/\($0)/module.modulemap"
      }
      + [
        build + "/CPLResources.build/module.modulemap",
        build + "/../../checkouts/Yams/Sources/CYaml/include/module.modulemap",
      ]
    let headers = try RunningProgram.tool(
      "pkg-config", ["--cflags-only-I", "hdf5", "openblas", "libcrypto", "zlib"])()
    #expect(headers.code == 0, "\(headers)")
    return ["-I", build + "/Modules"] + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
      + headers.output.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  @Test("examples compile", arguments: ["audit-network", "new-layer", "train-and-judge"])
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

  /// What the symbol graph tool writes.
  private struct SymbolGraph: Decodable {
    struct Symbol: Decodable {
      struct Fragment: Decodable {
        let preciseIdentifier: String?
      }
      struct Comment: Decodable {}
      struct Location: Decodable {}

      let pathComponents: [String]
      let declarationFragments: [Fragment]
      let docComment: Comment?
      let location: Location?

      /// Whether it stands in the sources, and not only follows from a conformance.
      var isWritten: Bool { location != nil }
    }

    let symbols: [Symbol]
  }

  @Test(
    "what is public is documented, named by the catalogue and free of C",
    arguments: ["CPLReference", "CPLVerify"])
  func documentation(_ library: String) throws {
    try withTemporaryFolder { folder in
      let sources = Program.repository.appending(path: "Sources/\(library)")
      let floors = try String(
        contentsOf: sources.appending(path: "\(library).swift"), encoding: .utf8
      ).matches(of: /@_exported import (\w+)/).map { String($0.1) }
      let extracted = try RunningProgram.tool(
        "swift",
        ["symbolgraph-extract", "-module-name", library, "-target", "x86_64-unknown-linux-gnu"]
          + (try flags()) + [
            "-experimental-allowed-reexported-modules=" + floors.joined(separator: ","),
            "-output-dir", folder,
          ])()
      try #require(extracted.code == 0, "\(extracted)")

      let symbols = try JSONDecoder().decode(
        SymbolGraph.self, from: Data(bytes(of: "\(folder)/\(library).symbols.json"))
      ).symbols
      let catalogue = sources.appending(path: "\(library).docc")
      let listed = try String(
        contentsOf: catalogue.appending(path: "\(library).md"), encoding: .utf8
      ).matches(of: /- ``(\w+)``/).map { String($0.1) }
      let types = symbols.filter { $0.pathComponents.count == 1 }.map { $0.pathComponents[0] }
      #expect(Set(types) == Set(listed))
      for symbol in symbols where symbol.isWritten {
        #expect(symbol.docComment != nil, "\(symbol.pathComponents)")
        #expect(
          symbol.declarationFragments.allSatisfy { $0.preciseIdentifier?.hasPrefix("c:") != true },
          "\(symbol.pathComponents)")
      }

      let converted = try RunningProgram.tool(
        "docc",
        [
          "convert", catalogue.path, "--additional-symbol-graph-dir", folder,
          "--warnings-as-errors",
          "--output-path", folder + "/made",
        ])()
      #expect(converted.code == 0, "\(converted)")
    }
  }
}
