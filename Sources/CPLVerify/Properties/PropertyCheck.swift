// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A statement of the theory, or of this program, that is put to the test.
///
/// A check is one type in the file of its family and one line in the family's list. It goes through
/// the code that production goes through, with the components that its context holds, so that a fault
/// planted in one of them is met.
public protocol PropertyCheck: Sendable {
  /// The name in flags and files: family, dot, statement, such as "cpl.nonexpansive".
  var id: String { get }

  /// What is claimed, in one line.
  var statement: String { get }

  /// The theorem, section or page that the claim comes from.
  var source: String { get }

  /// Whether the claim speaks of the network, the data or the components of the context. A check of
  /// mathematics alone takes nothing from it but seed and effort.
  var concernsNetwork: Bool { get }

  /// Puts the statement to the test, and in the same call the positive control: a deliberately wrong
  /// variant that must come out violated.
  ///
  /// Everything random comes from `context.random(for: id, …)`.
  ///
  /// - Throws: `NotApplicable` when the context lacks what the check needs; `Inconclusive`,
  ///   `VerificationError` and `ReferenceError` make the check inconclusive, with their message as
  ///   the reason.
  func run(_ context: CheckContext) throws -> Findings
}

extension PropertyCheck {
  package var concernsNetwork: Bool { true }
}

/// The context lacks what a check needs, such as data.
package struct NotApplicable: Error, Sendable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// The context has what a check needs, and it decides nothing.
package struct Inconclusive: Error, Sendable {
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

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

/// A quantity over a number of cases, held to its bound.
public struct Measurement: Codable, Equatable, Sendable {
  /// On which side of its bound the quantity has to be.
  public enum Relation: String, Codable, Sendable {
    /// At or below it.
    case atMost = "≤"
    /// At or above it.
    case atLeast = "≥"
  }

  /// The verdict on a measurement.
  public enum Verdict: String, Codable, Sendable {
    /// On the right side of its bound, on the wrong one, or not decided.
    case holds, violated, inconclusive
  }

  /// What kind of number the value is, where it is not simply the quantity.
  public enum Kind: String, Codable, Sendable {
    /// Proved not to exceed the quantity.
    case lowerBound = "lower bound"
    /// How many cases fail.
    case failures
  }

  /// What is measured, such as "‖z(x) − z(y)‖/‖x − y‖".
  public let quantity: String
  /// What the value was measured of, such as the name of a layer; nil where that goes without
  /// saying.
  public let subject: String?
  /// The largest value over all cases for `atMost`, the smallest for `atLeast`.
  public let value: Double
  /// nil for the quantity itself.
  public let kind: Kind?
  /// On which side of `bound` the value has to be.
  public let relation: Relation
  /// The bound, in the unit of the quantity.
  public let bound: Double
  /// How far beyond the bound rounding may bring the value; never negative.
  public let tolerance: Double
  /// Where the tolerance comes from.
  public let toleranceOrigin: String
  /// How many cases the value is the worst of.
  public let cases: Int

  /// A quantity that was evaluated once, or whose worst value is known.
  package init(
    _ quantity: String, of subject: String? = nil, _ value: Double, kind: Kind? = nil,
    _ relation: Relation, _ bound: Double, tolerance: Double = 0,
    from toleranceOrigin: String = "exact", cases: Int
  ) {
    self.quantity = quantity
    self.subject = subject
    self.value = value
    self.kind = kind
    self.relation = relation
    self.bound = bound
    self.tolerance = tolerance
    self.toleranceOrigin = toleranceOrigin
    self.cases = cases
  }

  /// The worst of many values: NaN as soon as one is.
  package init(
    _ quantity: String, worstOf values: some Collection<Double>, _ relation: Relation,
    _ bound: Double, tolerance: Double = 0, from toleranceOrigin: String = "exact"
  ) {
    self.init(
      quantity, worstOf: values.map { (subject: nil, value: $0) }, relation, bound,
      tolerance: tolerance,
      from: toleranceOrigin)
  }

  /// The worst of many values, each of a subject that is named with it.
  package init(
    _ quantity: String, worstOf values: [(subject: String?, value: Double)], kind: Kind? = nil,
    _ relation: Relation, _ bound: Double, tolerance: Double = 0,
    from toleranceOrigin: String = "exact"
  ) {
    let worst =
      values.first { $0.value.isNaN }
      ?? (relation == .atMost
        ? values.max { $0.value < $1.value } : values.min { $0.value < $1.value })
    self.init(
      quantity, of: worst?.subject, worst?.value ?? .nan, kind: kind, relation, bound,
      tolerance: tolerance, from: toleranceOrigin, cases: values.count)
  }

  /// How many cases fail, of which none may.
  package init(failuresOf quantity: String, _ failures: some Collection<Bool>) {
    self.init(
      quantity, Double(failures.count { $0 }), kind: .failures, .atMost, 0, cases: failures.count)
  }

  /// Nothing holds of no cases, and nothing where a number is NaN.
  public var verdict: Verdict {
    guard cases > 0, !value.isNaN, !bound.isNaN, tolerance >= 0 else { return .inconclusive }
    return switch relation {
    case .atMost: value <= bound + tolerance ? .holds : .violated
    case .atLeast: value >= bound - tolerance ? .holds : .violated
    }
  }
}

extension Measurement: CustomStringConvertible {
  /// The quantity, its value and its bound in one line.
  public var description: String { "\(subjectPrefix)\(quantity): \(brief)" }

  /// Value and bound.
  public var brief: String {
    let slack = tolerance > 0 ? " (tolerance \(tolerance): \(toleranceOrigin))" : ""
    return "\(value) \(relation.rawValue) \(bound)\(slack), \(cases) cases"
  }

  /// A violation in words, such as "convolution.3: h‖W‖² ≤ 2 is violated: at least 2.0097".
  public var failure: String {
    if kind == .failures { return "\(subjectPrefix)\(Int(value)) of \(cases): \(quantity)" }
    let found = Self.significant(value)
    let needed = Self.significant(bound)
    return "\(subjectPrefix)\(quantity) \(relation.rawValue) \(needed) is violated: "
      + (kind == .lowerBound ? "at least \(found)" : found == needed ? "\(value)" : found)
  }

  private var subjectPrefix: String { subject.map { "\($0): " } ?? "" }

  /// A number as people read it: as many digits as tell.
  private static func significant(_ value: Double) -> String { String(format: "%.6g", value) }
}

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
