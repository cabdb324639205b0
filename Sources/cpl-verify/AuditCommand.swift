import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attacks every certified image: is any certificate broken, and how tight are they?",
    discussion: """
      Exit code 0 when certificates were attacked and all hold, 1 when one is broken, 2 when no \
      image is certified.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var certificates: CertificateOptions

  @Option(parsing: .unconditional, help: "The seed that the attacks' noise comes from.")
  var seed: UInt64 = 0

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    let images = try dataOptions.read(.test)
    let verified = try weights.verified(options, for: images).network
    let kind = certificates.kind(under: weights.profile)
    let progress = options.progress
    let audit = try CertificateAudit(
      verified, certificate: kind, seed: seed, workers: options.workers)
    let result = try audit.run(images) { done, violations in
      progress.update(
        "auditing", done: done, total: images.count, unit: "images",
        note: "\(violations) violations")
      try Interruption.check()
    }
    progress.finish()
    if options.json { try Output.json(Summary(result)) } else { try show(result) }
    switch result.verdict {
    case .holds: return
    case .violated: throw Exit.violated
    case .inconclusive: throw Exit.inconclusive
    }
  }

  private func show(_ result: AuditResult) throws {
    let summary = Summary(result)
    try Output.line("certificate  \(result.certificate.rawValue)")
    try Output.line("images       \(summary.images), \(summary.certified) certified")
    if let tightness = summary.tightness {
      try Output.line(
        String(
          format: "d/r          %.4f to %.4f, median %.4f", tightness.min, tightness.max,
          tightness.median))
    }
    if !result.excessLayers.isEmpty {
      try Output.line(
        "not proved to be 1-Lipschitz: \(result.excessLayers.joined(separator: ", "))")
    }
    for violation in result.violations.prefix(20) {
      try Output.line(
        String(
          format: "BROKEN       image %d: class %d certified to %.6f, changed at %.6f by ",
          violation.index, violation.prediction, violation.radius, violation.distance)
          + "\(violation.attack), cause: \(violation.cause.rawValue)")
    }
    if result.violations.count > 20 {
      try Output.line("             and \(result.violations.count - 20) more")
    }
    try Output.line("verdict      \(result.verdict.rawValue)")
  }

  private struct Summary: Encodable {
    struct Tightness: Encodable {
      let min: Double
      let median: Double
      let max: Double
    }
    struct Broken: Encodable {
      let index: Int
      let radius: Double
      let distance: Double
      let attack: String
      let cause: Violation.Cause
    }
    let images: Int
    let certified: Int
    let violations: [Broken]
    let excessLayers: [String]
    let tightness: Tightness?
    let verdict: AuditResult.Verdict

    init(_ result: AuditResult) {
      images = result.images.count
      certified = result.certified
      violations = result.violations.map {
        Broken(
          index: $0.index, radius: $0.radius, distance: $0.distance, attack: $0.attack,
          cause: $0.cause)
      }
      excessLayers = result.excessLayers
      let values = result.tightness
      tightness =
        values.isEmpty
        ? nil
        : Tightness(
          min: values[0], median: values[values.count / 2], max: values[values.count - 1])
      verdict = result.verdict
    }
  }
}
