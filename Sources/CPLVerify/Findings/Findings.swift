// SPDX-License-Identifier: Apache-2.0

/// What a check found.
public struct Findings: Sendable {
  /// Each quantity that was measured, the one that tells most first. All must hold, and there must
  /// be one.
  package var measurements: [Measurement]
  /// The deliberately wrong variant.
  package var control: PositiveControl
  /// What is worth seeing.
  package var figures: [CheckFigure]

  package init(
    _ measurements: [Measurement], control: PositiveControl, figures: [CheckFigure] = []
  ) {
    self.measurements = measurements
    self.control = control
    self.figures = figures
  }
}

/// A deliberately wrong variant, put through the same test.
package struct PositiveControl: Sendable {
  /// What is wrong with it.
  package let fault: String
  /// What was measured of it, which must be violated.
  package let measurement: Measurement

  package init(_ fault: String, _ measurement: Measurement) {
    self.fault = fault
    self.measurement = measurement
  }
}
