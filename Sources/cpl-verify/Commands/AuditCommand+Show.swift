// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

extension AuditCommand {
  /// How many violations are listed one by one.
  private static let listed = 20

  func show(_ report: VerificationReport) throws {
    guard let result = report.audit else { return }
    try Output.opening(of: report)
    try Output.line("certificate  \(result.certificate.rawValue)")
    try Output.line("images       \(result.images.count), \(result.certified) certified")
    if let tightness = Distribution(result.tightness) {
      try Output.line(
        String(
          format: "d/r          %.4f to %.4f, median %.4f", tightness.min, tightness.max,
          tightness.median))
    }
    if let reason = report.unprovedReason() {
      try Output.line("not proved   \(reason)")
    } else if !result.excessLayers.isEmpty {
      let bound = report.bounds.map {
        "; the Lipschitz constant before the head is at most "
          + Rounding.up.text($0.lipschitzUpperBound, digits: 6)
      }
      try Output.line(
        "not proved to be 1-Lipschitz: \(result.excessLayers.joined(separator: ", "))"
          + (bound ?? ""))
    }
    for violation in result.violations.prefix(Self.listed) {
      try Output.line(
        "BROKEN       image \(violation.index): class \(violation.prediction) certified to "
          + "\(Rounding.down.text(violation.radius, digits: 6)), changed at "
          + "\(Rounding.up.text(violation.distance, digits: 6)) by \(violation.attack), cause: "
          + violation.cause.rawValue)
      if let out = results.out {
        let command = report.provenance.replayCommand(results: out, index: violation.index)
        if let command { try Output.line("             show with: \(command)") }
      }
    }
    if result.violations.count > Self.listed {
      try Output.line("             and \(result.violations.count - Self.listed) more")
    }
    if result.unfinished > 0 {
      try Output.line(
        "budget       ran out after \(result.passes) passes: \(result.searched) images searched only, "
          + "\(result.unattacked) not attacked")
    }
    try Output.line("verdict      \(result.verdict.rawValue)")
  }
}
