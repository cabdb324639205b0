// SPDX-License-Identifier: Apache-2.0

/// How figures look: the same rules on a page, whose colours follow the reader's screen, and in a file
/// of its own, which is for paper.
enum FigureStyle {
  struct Colour {
    let name: String
    /// On light pages and on paper, and on dark pages.
    let light, dark: String

    init(_ name: String, _ light: String, _ dark: String) {
      (self.name, self.light, self.dark) = (name, light, dark)
    }
  }

  static let colours = [
    Colour("text", "#1b1f24", "#e6edf3"), Colour("page", "#ffffff", "#0d1117"),
    Colour("quiet", "#57606a", "#9da7b1"), Colour("line", "#d0d7de", "#30363d"),
    Colour("band", "#f6f8fa", "#161b22"), Colour("shade", "#8c959f", "#6e7681"),
    Colour("holds", "#116329", "#56d364"),
    Colour("violated", "#b3261e", "#ff7b72"), Colour("unproved", "#7a4d00", "#e3b341"),
    Colour("a", "#0550ae", "#79c0ff"), Colour("b", "#a04000", "#ffa657"),
    Colour("c", "#116329", "#56d364"), Colour("d", "#8250df", "#d2a8ff"),
    Colour("e", "#57606a", "#9da7b1"),
  ]

  /// The rules of a page, whose colours are variables.
  static let page = rules { "var(--\($0))" }

  /// The rules of a file.
  static let file = rules { name in colours.first { $0.name == name }?.light ?? "#000000" }

  /// The styles of curves, in their order.
  static let curves = 5

  private static func rules(_ colour: (String) -> String) -> String {
    let dashes = ["none", "7 3", "2 2", "9 3 2 3", "1 3"]
    let series = zip(["a", "b", "c", "d", "e"], dashes).enumerated().map { index, style in
      "svg .curve.s\(index), svg .whisker.s\(index) { stroke: \(colour(style.0)); } "
        + "svg .curve.s\(index) { stroke-dasharray: \(style.1); } "
        + "svg .fill.s\(index) { fill: \(colour(style.0)); }"
    }
    return """
      svg text { fill: \(colour("text")); font: 14px system-ui, "Helvetica Neue", Arial, sans-serif; }
      svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
      svg .axis { fill: none; stroke: \(colour("quiet")); }
      svg .grid { fill: none; stroke: \(colour("line")); }
      svg .curve, svg .whisker { fill: none; stroke-width: 2; }
      \(series.joined(separator: "\n"))
      svg .curve.k0 { stroke-dasharray: none; } svg .curve.k1 { stroke-dasharray: 7 3; }
      svg .curve.k2 { stroke-dasharray: 2 2; } svg .curve.k3 { stroke-dasharray: 9 3 2 3; }
      svg .fill { stroke: none; } svg .marker { fill: \(colour("text")); }
      svg .curve.failure { stroke: \(colour("violated")); stroke-width: 2; }
      svg .curve.level { stroke: \(colour("text")); stroke-width: 1.5; stroke-dasharray: 5 4; }
      svg .fill.failure { fill: \(colour("violated")); }
      svg .fill.refuted { fill: \(colour("violated")); opacity: .12; }
      svg .fill.gap { fill: \(colour("unproved")); opacity: .22; }
      svg .dots { fill: none; stroke: \(colour("a")); stroke-width: 3; stroke-linecap: round; opacity: .5; }
      svg .dots.failure { stroke: \(colour("violated")); stroke-width: 6; opacity: 1; }
      """
  }
}
