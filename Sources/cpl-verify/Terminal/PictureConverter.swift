// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Makes PNG files of SVG ones by librsvg's `rsvg-convert`, a program of its own, where it is installed.
enum PictureConverter {
  typealias Picture = (name: String, content: Data)

  /// The PNG file of every SVG file among figures, at twice its size; empty without the program, or where it
  /// fails.
  static func pictures(of figures: [(name: String, text: String)]) -> [Picture] {
    var pictures: [Picture] = []
    for figure in figures where figure.name.hasSuffix(".svg") {
      guard let content = converted(figure.text) else { return [] }
      pictures.append(("\(figure.name.dropLast(4)).png", content))
    }
    return pictures
  }

  /// What a page says of the files.
  static func words(_ pictures: [Picture]) -> String {
    "In figures/ beside this page each figure is an SVG file that needs nothing else, with its numbers as "
      + (pictures.isEmpty
        ? "CSV; not as PNG, for which rsvg-convert (librsvg) has to be installed: the buttons below the "
          + "figures save that, too." : "CSV, and a PNG file at twice its size.")
  }

  private static func converted(_ drawing: String) -> Data? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "rsvg-convert", "--zoom", "2", "--background-color", "white", "--format", "png",
    ]
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
