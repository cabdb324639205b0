// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

extension DistanceHistory {
  /// Where the tolerances of ratios come from.
  package static let toleranceOrigin =
    "the defects of the computed curves, integrated against e^{∫λ} or e^{∫μ}, rounding included"

  /// ‖δ_t‖/(e^{∫λ}‖δ₀‖) at every point but the first, and E^λ_t as a share of the denominator.
  package func upperRatios(_ rate: LinearRate) -> [(value: Double, tolerance: Double)] {
    points.dropFirst().map { point in
      let bound = Rounding.up.product(
        rate.growth(over: 0...point.time, .up), points[0].distance.upperBound)
      return (
        Rounding.down.quotient(point.distance.below, bound),
        Rounding.up.quotient(point.errorAbove, bound)
      )
    }
  }

  /// ‖δ_t‖/(e^{∫μ}‖δ₀‖) at every point but the first, and E^μ_t as a share of the denominator.
  package func lowerRatios(_ rate: LinearRate) -> [(value: Double, tolerance: Double)] {
    points.dropFirst().map { point in
      let bound = Rounding.down.product(
        rate.growth(over: 0...point.time, .down), points[0].distance.lowerBound)
      return (
        Rounding.up.quotient(point.distance.upperBound, bound),
        Rounding.up.quotient(point.errorBelow, bound)
      )
    }
  }

  /// ‖δ_{t+h}‖/‖δ_t‖ over each step, and what the step's own defect may have added to it.
  package var stepRatios: [(value: Double, tolerance: Double)] {
    zip(points, points.dropFirst()).map { before, after in
      (
        Rounding.down.quotient(after.distance.below, before.distance.upperBound),
        Rounding.up.quotient(after.stepError, before.distance.lowerBound)
      )
    }
  }

  /// The history as a figure, distances as shares of the first, with the bounds of `field`.
  package func figure(_ title: String, _ field: some VectorField) -> CheckFigure {
    let shown = thinned
    let times = shown.map(\.time)
    return CheckFigure(
      title, xLabel: "t", yLabel: "‖Δ_t‖/‖Δ₀‖",
      [
        curve("‖Δ_t‖"),
        CheckFigure.Curve(
          "upper bound", x: times, y: times.map { field.upperRate.growth(over: 0...$0, .up) }),
        CheckFigure.Curve(
          "lower bound", x: times, y: times.map { field.lowerRate.growth(over: 0...$0, .down) }),
      ])
  }

  /// The distances as shares of the first.
  package func curve(_ name: String) -> CheckFigure.Curve {
    let shown = thinned
    return CheckFigure.Curve(
      name, x: shown.map(\.time),
      y: shown.map { $0.distance.upperBound / points[0].distance.upperBound })
  }

  /// At most about a hundred points, evenly in time, the first and the last among them.
  private var thinned: [Point] {
    guard let last = points.last else { return [] }
    var shown: [Point] = []
    for point in points.dropLast()
    where point.time >= Double(shown.count) * last.time / 100 { shown.append(point) }
    return shown + [last]
  }
}

extension EnclosedDistance {
  /// The lower bound, or NaN where the distance is no number (a lower bound of NaN would be 0).
  package var below: Double { upperBound.isNaN ? .nan : lowerBound }
}
