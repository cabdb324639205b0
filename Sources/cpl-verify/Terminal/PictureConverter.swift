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
    // The same drawing, the same bytes: a PDF file holds a date.
    let outcome = ExternalProgram.run(
      "rsvg-convert", ["--format", format] + arguments, input: Data(drawing.utf8),
      environment: ["SOURCE_DATE_EPOCH": "0"])
    return outcome?.exitCode == 0 ? outcome?.output : nil
  }
}
