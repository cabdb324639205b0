// SPDX-License-Identifier: Apache-2.0

import Foundation

extension VerificationReport {
  /// The report as JUnit's XML: one suite with a test case for each layer's bounds, for the
  /// network's, for the certificates that were attacked, and for the accuracy.
  ///
  /// - Parameter allowsUnproved: whether certificates that are not broken and not proved are left
  ///   out of account, as skipped, instead of failing.
  public func junit(allowsUnproved: Bool = false) throws -> String {
    try ReportTemplate.render(
      JUnitSuite(self, allowsUnproved: allowsUnproved), with: JUnitTemplate.suite)
  }
}

/// What the template shows. A name that is nil in a case must not be one of the suite's: Mustache
/// looks outwards.
struct JUnitSuite {
  struct Property {
    let key: String
    let value: String
  }

  struct Failure {
    var type = "violation"
    let message: String
    let details: String
  }

  struct Case {
    let group: String
    let statement: String
    var failure: Failure?
    /// Why there is no answer.
    var skip: String?
    var output = ""
    /// In seconds.
    var caseTime = "0"
  }

  let suiteName = "cpl-verify"
  let suiteTime: String
  let timestamp: String?
  let properties: [Property]
  let cases: [Case]
  let tests: Int
  let failures: Int
  let skips: Int

  init(_ report: VerificationReport, allowsUnproved: Bool) {
    let facts = report.provenance
    suiteTime = String(format: "%.3f", facts.cost.wallSeconds ?? 0)
    timestamp = facts.cost.start
    properties =
      [
        ("command", facts.command), ("profile", facts.profile),
        ("weights_digest", facts.weightsDigest), ("network_digest", facts.networkDigest),
        ("steps", facts.steps), ("data_digest", facts.data.digest),
        ("configuration_digest", facts.configurationDigest),
        ("content_digest", report.contentDigest), ("git_commit", facts.gitCommit),
        ("verdict", report.verdict?.rawValue), ("headline", report.headline),
      ].compactMap { key, value in value.map { Property(key: key, value: $0) } }
      + (facts.notices ?? []).map { Property(key: "notice.\($0.kind.rawValue)", value: $0.text) }
    cases =
      Self.bounds(report) + Self.certificates(report, allowsUnproved: allowsUnproved)
      + Self.accuracy(report) + Self.checks(report)
    tests = cases.count
    failures = cases.count { $0.failure != nil }
    skips = cases.count { $0.skip != nil }
  }

  private static func bounds(_ report: VerificationReport) -> [Case] {
    guard let bounds = report.bounds else { return [] }
    let group = "cpl-verify.bounds"
    let layers = bounds.layers.map { layer in
      var output = "Lipschitz constant ≤ \(layer.lipschitzUpperBound)"
      if let norm = layer.spectralNorm {
        output += "\n\(norm.lowerBound) ≤ ‖W‖₂ ≤ \(norm.upperBound), by \(norm.method.rawValue)"
      }
      if let step = layer.stepSize { output += "\nh = \(step)" }
      return Case(
        group: group, statement: "layer \(layer.name) (\(layer.kind)): bounds proved",
        failure: layer.spectralNorm.flatMap {
          $0.lowerBound <= $0.upperBound ? nil : contradiction(output)
        }, output: output)
    }
    let upper = bounds.lipschitzUpperBound
    var output = "Lipschitz constant before the head ≤ \(upper)"
    var isConsistent = true
    if let lower = report.lipschitzLowerBound {
      output += "\nLipschitz constant before the head ≥ \(lower)"
      isConsistent = lower <= upper
    }
    return layers + [
      Case(
        group: group, statement: "network: Lipschitz constant bounded",
        failure: isConsistent ? nil : contradiction(output), output: output)
    ]
  }

  private static func contradiction(_ details: String) -> Failure {
    Failure(message: "a lower bound above its upper bound", details: details)
  }

  private static func certificates(
    _ report: VerificationReport, allowsUnproved: Bool
  ) -> [Case] {
    guard let audit = report.audit else { return [] }
    var result = Case(
      group: "cpl-verify.certificates",
      statement: "\(audit.certificate.rawValue) certificates are proved and not broken",
      output: "\(report.headline)\n\(audit.images.count) images, \(audit.certified) certified, "
        + "\(audit.attacked) attacked")
    switch audit.verdict {
    case .holds: break
    case .unproved:
      let reason = report.unprovedReason() ?? ""
      if allowsUnproved {
        result.skip = "not broken, not proved: \(reason)"
      } else {
        result.failure = Failure(
          type: "unproved", message: "not broken, not proved: \(reason)", details: result.output)
      }
    case .inconclusive:
      result.skip =
        audit.certified == 0
        ? "no image is certified: nothing was put to the test"
        : "the budget ran out before \(audit.unfinished) images had been put through the whole plan"
    case .violated:
      let lines = audit.violations.prefix(20).map {
        "image \($0.index): class \($0.prediction) certified to \($0.radius), changed at "
          + "\($0.distance) by \($0.attack), cause: \($0.cause.rawValue)"
      }
      let more = audit.violations.count - lines.count
      result.failure = Failure(
        message: "\(audit.violations.count) of \(audit.certified) certificates are broken",
        details: (lines + (more > 0 ? ["and \(more) more"] : [])).joined(separator: "\n"))
    }
    return [result]
  }

  private static func accuracy(_ report: VerificationReport) -> [Case] {
    guard let summary = report.accuracies else { return [] }
    var lines = ["\(summary.images) images, accuracy \(summary.accuracy)"]
    for quantity in EvaluationSummary.quantities {
      for (epsilon, share) in summary.sorted(quantity) {
        lines.append("\(quantity.words) at \(epsilon): \(share)")
      }
    }
    return [
      Case(
        group: "cpl-verify.evaluation", statement: "accuracy evaluated",
        skip: summary.images == 0 ? "there were no images" : nil,
        output: lines.joined(separator: "\n"))
    ]
  }

  private static func checks(_ report: VerificationReport) -> [Case] {
    report.checks.map { result in
      var lines = result.measurements.map(\.description) + ["source: \(result.source)"]
      if let control = result.control, let fault = result.controlFault {
        lines.append("positive control: \(fault): \(control.verdict.rawValue), \(control)")
      }
      if let reason = result.reason { lines.append(reason) }
      let output = lines.joined(separator: "\n")
      let failed = result.verdict == .violated || result.verdict == .inconclusive
      return Case(
        group: "cpl-verify.checks", statement: "\(result.id): \(result.statement)",
        failure: failed
          ? Failure(message: "\(result.verdict.rawValue): \(result.finding)", details: output)
          : nil,
        skip: result.verdict == .notApplicable ? result.reason : nil, output: output,
        caseTime: String(format: "%.3f", result.seconds))
    }
  }
}
