// SPDX-License-Identifier: Apache-2.0

/// Curves that a check has to show.
package struct CheckFigure: Codable, Equatable, Sendable {
  package struct Curve: Codable, Equatable, Sendable {
    package let name: String
    package let x: [Double]
    package let y: [Double]

    package init(_ name: String, x: [Double], y: [Double]) {
      precondition(x.count == y.count, "a point has two coordinates")
      self.name = name
      self.x = x
      self.y = y
    }
  }

  package let title: String
  package let xLabel: String
  package let yLabel: String
  package let curves: [Curve]

  package init(_ title: String, xLabel: String, yLabel: String, _ curves: [Curve]) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.curves = curves
  }
}
