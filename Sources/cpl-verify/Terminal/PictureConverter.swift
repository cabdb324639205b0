// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Makes PNG and PDF files of SVG ones by librsvg's `rsvg-convert`, a program of its own, where it is installed.
enum PictureConverter {
  typealias Picture = (name: String, content: Data)

  /// The PNG file of every SVG file among figures, at twice its size, and the PDF file, for LaTeX; empty without the
  /// program, or where it fails.
  static func pictures(of figures: [(name: String, text: String)]) -> [Picture] {
    var pictures: [Picture] = []
    for figure in figures where figure.name.hasSuffix(".svg") {
      for (format, arguments) in [
        ("png", ["--zoom", "2", "--background-color", "white"]), ("pdf", []),
      ] {
        guard let content = converted(figure.text, to: format, arguments) else { return [] }
        pictures.append(("\(figure.name.dropLast(4)).\(format)", content))
      }
    }
    return pictures
  }

  /// What a page says of the files.
  static func words(_ pictures: [Picture]) -> String {
    "In figures/ beside this page each figure is an SVG file that needs nothing else, with its numbers as "
      + (pictures.isEmpty
        ? "CSV; not as PNG and PDF, for which rsvg-convert (librsvg) has to be installed: the buttons below the "
          + "figures save a PNG, too."
        : "CSV, a PNG file at twice its size, and a PDF file for LaTeX.")
  }

  private static func converted(_ drawing: String, to format: String, _ arguments: [String])
    -> Data?
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["rsvg-convert", "--format", format] + arguments
    // The same drawing, the same bytes: a PDF file holds a date.
    process.environment = ProcessInfo.processInfo.environment.merging(["SOURCE_DATE_EPOCH": "0"]) {
      $1
    }
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    // It reads all of the drawing before it writes.
    try? input.fileHandleForWriting.write(contentsOf: Data(drawing.utf8))
    try? input.fileHandleForWriting.close()
    let content = (try? output.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else { return nil }
    return content
  }
}
