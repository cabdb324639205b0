// SPDX-License-Identifier: Apache-2.0

import Foundation

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
