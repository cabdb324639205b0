// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

/// What a program writes to a terminal of so many columns, where its standard error is one.
private func onTerminal(
  columns: Int, _ line: String, in folder: String, environment: [String: String] = [:]
) throws -> [String] {
  var (terminal, program): (Int32, Int32) = (0, 0)
  var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
  try #require(openpty(&terminal, &program, nil, nil, &size) == 0)
  let process = Process()
  process.executableURL = URL(fileURLWithPath: try #require(Program.path))
  process.arguments = line.split(separator: " ").map(String.init)
  process.currentDirectoryURL = URL(fileURLWithPath: folder)
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle(fileDescriptor: program)
  try process.run()
  close(program)
  defer { close(terminal) }
  // Reading ends when the program does, which held the other end last.
  var (bytes, block) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
  while case let count = read(terminal, &block, block.count), count > 0 { bytes += block[..<count] }
  process.waitUntilExit()
  return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    .flatMap { $0.components(separatedBy: "\r") }
    .map { $0.replacing("\u{1B}[K", with: "") }.filter { !$0.isEmpty }
}

@Suite("On a terminal")
struct TerminalTests {
  private static let checks =
    "verify --only cpl.* --only attack.* --only determinism.bits --only certificate.valid"

  @Test("progress is never wider than the terminal", arguments: [120, 80, 40, 12])
  func width(columns: Int) throws {
    for line in [Self.checks, "audit run/last.h5 --limit 40"] {
      let lines = try onTerminal(columns: columns, line, in: SampleRun.folder)
      #expect(!lines.isEmpty)
      for shown in lines { #expect(shown.count <= columns, "\(shown.count): \(shown)") }
      // How far it has come is what is left last.
      #expect(lines.contains { $0.contains(#/\d+/\d+/#) }, "\(lines)")
      if columns >= 40 { #expect(lines.contains { $0.contains(" left") }, "\(lines)") }
      if columns >= 80 { #expect(lines.contains { $0.contains("█") || $0.contains("·") }) }
    }
  }

  @Test("a terminal that does not tell its width has that of the environment, or 80 columns")
  func unknownWidth() throws {
    for (environment, width) in [(["COLUMNS": "50"], 50), (["COLUMNS": ""], 80)] {
      let lines = try onTerminal(
        columns: 0, Self.checks, in: SampleRun.folder, environment: environment)
      #expect(lines.contains { $0.count > width / 2 } && lines.allSatisfy { $0.count <= width })
    }
  }

  @Test("tables of very small and very large numbers keep their columns")
  func tables() throws {
    try SampleRun.withCopy { folder in
      let stored = try Checkpoint(path: folder + "/run/last.h5")
      var network = stored.network
      for (position, factor) in zip(network.steppedLayers, [1e-9, 1e9] as [Float]) {
        network.layers[position].updateParameters { $1.scale(by: factor) }
        network[stepped: position].stepRule = .fixed
        network[stepped: position].stepSize = 1 / factor
      }
      try network.write(to: folder + "/odd.h5", description: stored.description)
      for line in ["bounds odd.h5", "certify odd.h5 --limit 5"] {
        let outcome = try Program.run(line + " --quiet", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").filter { !$0.hasPrefix("network") }
        let table = Array(lines.drop { !$0.hasPrefix("layer ") && !$0.hasPrefix("index ") })
        // Every column of the header begins where it does in each row, two blanks after what
        // stands before it.
        let header = Array(try #require(table.first))
        let starts = header.indices.dropFirst(2).filter {
          header[$0] != " " && header[$0 - 1] == " " && header[$0 - 2] == " "
        }
        #expect(starts.count >= 6)
        for row in table.map(Array.init) {
          for start in starts {
            #expect(
              row.count > start && row[start] != " " && row[start - 1] == " "
                && row[start - 2] == " ", "\(String(row)) at \(start)")
          }
        }
      }
    }
  }
}
