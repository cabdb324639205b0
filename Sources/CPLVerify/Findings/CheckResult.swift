// SPDX-License-Identifier: Apache-2.0

/// The result of one check.
public struct CheckResult: Codable, Sendable {
  /// The verdict of a check. None is silently skipped.
  public enum Verdict: String, Codable, Sendable {
    /// Everything that was measured holds, and the positive control came out violated.
    case holds
    /// Something that was measured does not hold.
    case violated
    /// Nothing was measured, a number was NaN, a proof was not found, the positive control was not
    /// caught, or the budget ran out.
    case inconclusive
    /// The context lacks what the check needs, such as enough images.
    case notApplicable = "not applicable"
  }

  /// The check's name, such as "cpl.nonexpansive".
  public let id: String
  /// What is claimed.
  public let statement: String
  /// The theorem, section or page that the claim comes from.
  public let source: String
  /// What everything random came from.
  public let seed: UInt64
  /// What the check came to.
  public let verdict: Verdict
  /// What was measured, the quantity that tells most first.
  public let measurements: [Measurement]
  /// What is wrong with the positive control; nil where none was run.
  public let controlFault: String?
  /// What was measured of the positive control.
  public let control: Measurement?
  /// Why the check is inconclusive or not applicable.
  public let reason: String?
  package let figures: [CheckFigure]
  /// How long it took.
  public package(set) var seconds: Double = 0

  package init(
    id: String, statement: String, source: String, seed: UInt64, verdict: Verdict,
    measurements: [Measurement], control: PositiveControl?, reason: String?,
    figures: [CheckFigure]
  ) {
    self.id = id
    self.statement = statement
    self.source = source
    self.seed = seed
    self.verdict = verdict
    self.measurements = measurements
    controlFault = control?.fault
    self.control = control?.measurement
    self.reason = reason
    self.figures = figures
  }

  /// The measurement that decides: the first that is violated, or else inconclusive, or else the
  /// first.
  public var decisive: Measurement? {
    measurements.first { $0.verdict == .violated }
      ?? measurements.first { $0.verdict == .inconclusive } ?? measurements.first
  }

  /// What decided, in words: why there is no answer, or what is violated and of which layer.
  public var finding: String {
    if let reason { return reason }
    let failures = measurements.filter { $0.verdict == .violated }.map(\.failure)
    guard let first = failures.first else { return decisive?.description ?? "" }
    let others = failures.count - 1
    return others > 0 ? "\(first), and \(others) more like it" : first
  }
}

extension [CheckResult] {
  /// The verdict on a suite: violated if a check is; holds if some check holds and none is
  /// inconclusive. What is not applicable fails nothing.
  public var verdict: CheckResult.Verdict {
    if contains(where: { $0.verdict == .violated }) { return .violated }
    if contains(where: { $0.verdict == .inconclusive }) { return .inconclusive }
    return contains { $0.verdict == .holds } ? .holds : .inconclusive
  }
}
