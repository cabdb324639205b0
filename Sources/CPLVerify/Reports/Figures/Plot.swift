// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The area of a figure in which numbers of [0, 1]² are drawn, with axes, their titles and a legend below.
///
/// All figures are equally wide, narrow enough for their text to be read on a telephone, where they are not
/// enlarged, and in two columns on paper.
struct Plot {
  static let width = 420.0
  /// How high it is without its legend.
  let height: Double
  private let left: Double
  private let right: Double
  private let top = 12.0
  private let bottom = 50.0

  private static let line = 20.0
  /// A digit of a figure's text, which is 14 pixels high, is at most so wide.
  private static let digit = 8.2
  /// A letter of words is about so wide.
  private static let letter = 7.4

  /// - Parameters:
  ///   - labels: what stands beside the vertical axis, between it and its title.
  ///   - isTitled: whether the vertical axis has a title.
  init(height: Double = 300, labels: [String] = [], isTitled: Bool = true, right: Double = 14) {
    self.height = height
    self.right = right
    let longest = Double(labels.map(\.count).max() ?? 0)
    left = max(isTitled ? 72 : 0, (isTitled ? 26 : 4) + longest * Self.digit + 6)
  }

  private var innerWidth: Double { Self.width - left - right }
  private var innerHeight: Double { height - top - bottom }
  private func x(_ value: Double) -> Double { left + value * innerWidth }
  private func y(_ value: Double) -> Double { height - bottom - value * innerHeight }
  private func text(_ value: Double) -> String { String(format: "%.1f", value) }

  func point(_ x: Double, _ y: Double) -> String { "\(text(self.x(x))),\(text(self.y(y)))" }

  private func label(_ style: String, _ x: Double, _ y: Double, _ name: String) -> String {
    "<text class=\"\(style)\" x=\"\(text(x))\" y=\"\(text(y))\">\(name.markup)</text>\n"
  }

  /// The two axes with what they show.
  func axes(_ horizontal: String, _ vertical: String) -> String {
    "<path class=\"axis\" d=\"M\(point(0, 1)) L\(point(0, 0)) L\(point(1, 0))\"/>\n"
      + label("middle", left + innerWidth / 2, height - bottom + 42, horizontal)
      + (vertical.isEmpty
        ? ""
        : "<text class=\"middle\" transform=\"translate(14,\(text(top + innerHeight / 2))) rotate(-90)\">"
          + "\(vertical.markup)</text>\n")
  }

  /// A line across, with its value beside the axis.
  func horizontalLine(at value: Double, label name: String) -> String {
    "<path class=\"grid\" d=\"M\(point(0, value)) L\(point(1, value))\"/>"
      + label("end", left - 6, y(value) + 5, name)
  }

  /// A value below the axis.
  func tick(at value: Double, label name: String) -> String {
    let place = text(x(value))
    return "<path class=\"axis\" d=\"M\(place),\(text(height - bottom)) v5\"/>"
      + label("middle", x(value), height - bottom + 20, name)
  }

  func curve(_ points: [(x: Double, y: Double)], _ style: String) -> String {
    "<polyline class=\"curve \(style)\" points=\""
      + points.map { point($0.x, $0.y) }.joined(separator: " ") + "\"/>\n"
  }

  func area(_ points: [(x: Double, y: Double)], _ style: String) -> String {
    "<polygon class=\"fill \(style)\" points=\""
      + points.map { point($0.x, $0.y) }.joined(separator: " ") + "\"/>\n"
  }

  /// An interval, from one height to another.
  func whisker(at value: Double, _ interval: ClosedRange<Double>, _ style: String) -> String {
    let (x, low, high) = (x(value), y(interval.lowerBound), y(interval.upperBound))
    return "<path class=\"whisker \(style)\" d=\"M\(text(x - 4)),\(text(low))h8m-4,0"
      + "V\(text(high))m-4,0h8\"/>\n"
  }

  func marker(_ value: Double, _ share: Double, _ style: String = "marker") -> String {
    "<circle class=\"\(style)\" cx=\"\(text(x(value)))\" cy=\"\(text(y(share)))\" r=\"4\"/>\n"
  }

  /// Words in the figure.
  func note(_ name: String, at value: Double, _ share: Double, _ style: String = "middle") -> String
  {
    label(style, x(value), y(share), name)
  }

  /// Points of one kind, as one path that is short to write and quick to draw.
  func dots(_ points: [(x: Double, y: Double)], style: String) -> String {
    guard !points.isEmpty else { return "" }
    // Points that fall together are drawn once.
    let places = Set(points.map { "M\(point($0.x, $0.y))h0" })
    return "<path class=\"\(style)\" d=\"\(places.sorted().joined())\"/>\n"
  }

  /// A bar from the left edge, about the height `share`.
  func horizontalBar(to value: Double, at share: Double, thickness: Double) -> String {
    "<rect class=\"fill s0\" x=\"\(text(left))\" y=\"\(text(y(share) - thickness / 2))\" "
      + "width=\"\(text(x(value) - left))\" height=\"\(text(thickness))\"/>\n"
  }

  func bar(from start: Double, to end: Double, height share: Double, _ style: String) -> String {
    "<rect class=\"fill \(style)\" x=\"\(text(x(start) + 0.5))\" y=\"\(text(y(share)))\" "
      + "width=\"\(text(max(1, x(end) - x(start) - 1)))\" "
      + "height=\"\(text(height - bottom - y(share)))\"/>\n"
  }

  /// What a style stands for.
  struct Key {
    enum Form { case line, area, point }
    let name: String
    let style: String
    var form = Form.line
  }

  /// The figure as an `svg` element.
  ///
  /// - Parameter keys: the lines of its legend.
  func element(_ body: String, keys: [Key], title: String, description: String) -> String {
    var legend = ""
    var y = height + 10
    for key in keys {
      switch key.form {
      case .line:
        legend += "<path class=\"curve \(key.style)\" d=\"M\(text(left)),\(text(y))h26\"/>"
      case .area:
        legend +=
          "<rect class=\"fill \(key.style)\" x=\"\(text(left))\" y=\"\(text(y - 6))\" "
          + "width=\"26\" height=\"12\"/>"
      case .point:
        legend +=
          "<circle class=\"\(key.style)\" cx=\"\(text(left + 13))\" cy=\"\(text(y))\" r=\"4\"/>"
      }
      for line in lines(key.name) {
        legend += label("key", left + 34, y + 5, line)
        y += Self.line
      }
    }
    let whole = keys.isEmpty ? height : y - 6
    return
      "<svg role=\"img\" "
      + "viewBox=\"0 0 \(Int(Self.width)) \(Int(whole))\" aria-label=\"\(title.markup)\">\n"
      + "<title>\(title.markup)</title>\n<desc>\(description.markup)</desc>\n\(body)\(legend)</svg>"
  }

  /// The name of a key in lines that fit beside its sign.
  private func lines(_ name: String) -> [String] {
    let room = Int((Self.width - left - 34) / Self.letter)
    return name.split(separator: " ").reduce(into: [""]) { lines, word in
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= room {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }
}
