// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

@Suite("The example in Python")
struct PythonExampleTests {
  private static func python(_ arguments: [String]) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    guard (try? process.run()) != nil else { return (1, "no python3") }
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private static let hasH5py = python(["-c", "import h5py"]).status == 0

  @Test(
    "reads the certified accuracies that the report has, and draws their curves",
    .enabled(if: hasH5py, "needs python3 with h5py"))
  func certifiedAccuracy() throws {
    try withReportFolder { folder in
      var report = ReportSample.full()
      report.evaluation = nil
      try report.write(to: folder + "/a.h5")
      let script = Fixture.repository
        .appending(path: "examples/python/certified_accuracy.py").path
      let result = Self.python([script, folder + "/a.h5", folder + "/curve.svg"])
      #expect(result.status == 0, "\(result.output)")
      // Published radii 0.3 and ∞ of two images of three, above 36/255 and 72/255 both.
      #expect(result.output.contains("published 0.6667 0.6667 0.3333 0.3333\n"), "\(result.output)")
      #expect(result.output.contains("lipschitz 0.3333 0.0000 0.0000 0.0000\n"))
      let drawing = try String(contentsOfFile: folder + "/curve.svg", encoding: .utf8)
      #expect(drawing.hasPrefix("<svg ") && drawing.hasSuffix("</svg>\n"))
      // At radius 0 two thirds of the images, 240 high, and at 1 one third.
      #expect(drawing.contains("points=\"60.0,100.0 ") && drawing.contains(" 400.0,180.0\""))
    }
  }
}
