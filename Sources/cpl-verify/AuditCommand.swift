import ArgumentParser
import CPLReference
import CPLVerify
import Foundation

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attacks every certified image: is any certificate broken, and how tight are they?",
    discussion: """
      d/r is the distance of the nearest adversarial image that was found over the certified \
      radius: below 1 the certificate is broken, at 1 it cannot be larger.

      Exit code 0 when certificates were attacked and none is broken, 1 when one is, 2 when no \
      image is certified. With --replay: 1 when a stored violation is one again, 0 when none is, \
      2 when none is stored.
      """)

  @OptionGroup var weights: WeightsOptions
  @OptionGroup var certificates: CertificateOptions

  @Option(parsing: .unconditional, help: "The seed that the attacks' noise comes from.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Show the broken certificates of stored results again, those of --indices or all.",
      valueName: "file"))
  var replay: String?

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    if let replay { return try replayViolations(of: replay) }
    let kind = certificates.kind(under: weights.profile)
    var judgement = try Judgement(
      weights, dataOptions, results, options, seed: seed, certificate: kind)
    try judgement.certify()
    let (images, progress) = (judgement.images, judgement.progress)
    let audit = try CertificateAudit(
      judgement.verified, certificate: kind, seed: seed, workers: options.workers)
    let result = try audit.run(images) { done, violations in
      progress.update(
        "auditing", done: done, total: images.count, unit: "images",
        note: "\(violations) violations")
      try Interruption.check()
    }
    progress.finish()
    judgement.report.audit = result
    try judgement.finish { report in
      if options.json { try Output.line(try report.json(.audit)) } else { try show(result) }
    }
    switch result.verdict {
    case .holds: return
    case .violated: throw Exit.violated
    case .inconclusive: throw Exit.inconclusive
    }
  }

  /// Puts stored counterexamples through the executed network again.
  private func replayViolations(of path: String) throws {
    let report = try VerificationReport(path: path)
    guard let audit = report.audit else {
      throw ReferenceError.invalid(
        path: path, location: "/audit", expected: "the results of an audit", found: "none")
    }
    let checkpoint = try Checkpoint(path: weights.weights)
    guard report.provenance.weightsDigest == checkpoint.digest else {
      throw ReferenceError.mismatch(
        expected:
          "the weights of the audit, digest \(report.provenance.weightsDigest ?? "unknown")",
        found: "\(weights.weights), digest \(checkpoint.digest)")
    }
    let chosen = dataOptions.indices.map { Set($0.positions) }
    let violations = audit.violations.filter { chosen?.contains($0.index) ?? true }
    let certified = try CertifiedNetwork(
      VerifiedNetwork(
        checkpoint.network, profile: weights.profile.profile, workers: options.workers
      ) { _, _ in }, audit.certificate)
    var broken = 0
    for violation in violations {
      let again = try certified.replay(violation, workers: options.workers)
      broken += again.isBroken ? 1 : 0
      try Output.line(
        "image \(violation.index): class \(again.originalClass) certified to \(again.radius), "
          + "class \(again.adversarialClass) at \(again.distance): "
          + (again.isBroken ? "broken" : "holds"))
    }
    guard !violations.isEmpty else {
      try Output.line("\(path) holds no such violation: nothing to replay")
      throw Exit.inconclusive
    }
    try Output.line("\(broken) of \(violations.count) stored violations are violations again")
    if broken > 0 { throw Exit.violated }
  }

  private func show(_ result: AuditResult) throws {
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
    if result.certificate == .published, result.verdict == .holds {
      try Output.line("             none was broken; published certificates are no proof")
    }
  }
}
