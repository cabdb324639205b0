import Foundation

/// An area in which numbers of [0, 1]² are drawn. No text that is put into it may need escaping.
struct Plot {
  let width, height, left, right, top, bottom: Double

  private func x(_ value: Double) -> Double { left + value * (width - left - right) }
  private func y(_ value: Double) -> Double { height - bottom - value * (height - top - bottom) }
  private func text(_ value: Double) -> String { String(format: "%.1f", value) }

  func point(_ x: Double, _ y: Double) -> String { "\(text(self.x(x))),\(text(self.y(y)))" }

  var frame: String {
    "<path class=\"axis\" d=\"M\(point(0, 1)) L\(point(0, 0)) L\(point(1, 0))\"/>\n"
  }

  func horizontalLine(at value: Double, label: String) -> String {
    "<path class=\"grid\" d=\"M\(point(0, value)) L\(point(1, value))\"/>"
      + "<text class=\"end\" x=\"\(text(left - 6))\" y=\"\(text(y(value) + 4))\">\(label)</text>\n"
  }

  func tick(at value: Double, label: String) -> String {
    "<text class=\"middle\" x=\"\(text(x(value)))\" y=\"\(text(height - bottom + 20))\">"
      + "\(label)</text>\n"
  }

  func marker(_ value: Double, _ share: Double, isAlarming: Bool = false) -> String {
    "<circle class=\"\(isAlarming ? "alarm" : "marker")\" cx=\"\(text(x(value)))\" cy=\"\(text(y(share)))\" r=\"4\"/>\n"
  }

  /// What the horizontal axis shows.
  func caption(below name: String) -> String {
    "<text class=\"middle\" x=\"\(text(x(0.5)))\" y=\"\(text(height - bottom + 40))\">\(name)</text>\n"
  }

  /// What the vertical axis shows, at its upper end.
  func caption(beside name: String) -> String {
    "<text x=\"\(text(left + 6))\" y=\"\(text(top + 10))\">\(name)</text>\n"
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
    "<rect class=\"bar\" x=\"\(text(left))\" y=\"\(text(y(share) - thickness / 2))\" "
      + "width=\"\(text(x(value) - left))\" height=\"\(text(thickness))\"/>\n"
  }

  /// A line of the legend, at the upper right unless a place from the left is given.
  func key(_ line: Int, _ name: String, _ style: String, from start: Double? = nil) -> String {
    let y = top + 14 + Double(line) * 18
    let x = start.map { $0 * width } ?? width - 170
    return "<rect class=\"key \(style)\" x=\"\(text(x))\" y=\"\(text(y - 9))\" "
      + "width=\"14\" height=\"10\"/><text x=\"\(text(x + 20))\" y=\"\(text(y))\">"
      + "\(name)</text>\n"
  }

  func bar(
    from start: Double, width: Double, share: Double, label: String, isAlarming: Bool
  ) -> String {
    let (middle, top) = (text(x(start + width / 2)), y(share))
    return "<rect class=\"\(isAlarming ? "alarm" : "bar")\" x=\"\(text(x(start)))\" "
      + "y=\"\(text(top))\" width=\"\(text(x(width) - left))\" "
      + "height=\"\(text(height - bottom - top))\"/>"
      + "<text class=\"middle\" x=\"\(middle)\" y=\"\(text(top - 6))\">\(label)</text>\n"
  }

  func element(_ body: String, title: String, description: String) -> String {
    "<svg role=\"img\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" aria-label=\"\(title)\">\n"
      + "<title>\(title)</title>\n<desc>\(description)</desc>\n\(body)</svg>"
  }
}
