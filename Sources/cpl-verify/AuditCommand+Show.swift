import CPLVerify
import Foundation

extension AuditCommand {
  /// How many violations are listed one by one.
  private static let listed = 20

  func show(_ result: AuditResult, of provenance: Provenance) throws {
    try Output.line("certificate  \(result.certificate.rawValue)")
    try Output.line("images       \(result.images.count), \(result.certified) certified")
    let tightness = result.tightness
    if let least = tightness.first, let most = tightness.last {
      try Output.line(
        String(
          format: "d/r          %.4f to %.4f, median %.4f", least, most,
          tightness[tightness.count / 2]))
    }
    if !result.excessLayers.isEmpty {
      try Output.line(
        "not proved to be 1-Lipschitz: \(result.excessLayers.joined(separator: ", "))")
    }
    for violation in result.violations.prefix(Self.listed) {
      try Output.line(
        String(
          format: "BROKEN       image %d: class %d certified to %.6f, changed at %.6f by ",
          violation.index, violation.prediction, violation.radius, violation.distance)
          + "\(violation.attack), cause: \(violation.cause.rawValue)")
      if let out = results.out {
        let command = provenance.replayCommand(results: out, index: violation.index)
        if let command { try Output.line("             again with: \(command)") }
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
    if result.certificate == .published, result.verdict == .holds {
      try Output.line("             none was broken; published certificates are no proof")
    }
  }
}
