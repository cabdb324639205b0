// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLVerify
import Foundation

/// What local certificates are to prove.
struct LocalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of local certificates: prove these radii where that is possible; the paper's four without it.",
      valueName: "epsilon,epsilon,…"))
  var targets: Epsilons?

  @Flag(help: "Of local certificates: look for the largest radius, to 1 %, which takes longer.")
  var radius = false

  func validate() throws {
    if radius, targets != nil { throw ValidationError("give either --radius or --targets") }
  }

  /// - Parameter budget: seconds from now on, after which images keep their sound radii.
  func plan(budget: Double? = nil) -> LocalPlan {
    var plan = LocalPlan()
    if radius { plan.goal = .radius }
    if let targets { plan.goal = .targets(targets.values) }
    if let budget {
      let end = Date().addingTimeInterval(budget)
      plan.mayGoOn = { Date() < end }
    }
    return plan
  }

  /// Whether anything was asked for.
  var isGiven: Bool { radius || targets != nil }
}

/// Radii as a flag lists them: "36/255,72/255".
struct Epsilons: ExpressibleByArgument {
  let values: [Epsilon]

  init?(argument: String) {
    let texts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = texts.compactMap { Epsilon(String($0)) }
    guard values.count == texts.count else { return nil }
  }
}

/// Which kind of certificate an evaluation computes beside those that it always does.
struct FurtherCertificateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also compute this kind, where it is one that takes longer: "
        + CertificateKind.allCases.filter(\.isCostly).map(\.rawValue)
        .joined(separator: ", ") + "."))
  var certificate: CertificateKind?

  @OptionGroup var local: LocalOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of local certificates: end the search after this time. Images with the most to gain come first; "
        + "those that are left keep their sound radii.", valueName: "seconds"))
  var budget: Double?

  @OptionGroup var division: ResumeOptions

  func validate() throws {
    if let budget, !(budget > 0) {
      throw ValidationError("--budget is a positive number of seconds, not \(budget)")
    }
    if certificate != .local,
      local.isGiven || budget != nil || division.shard != nil || division.resume
    {
      throw ValidationError(
        "--targets, --radius, --budget, --shard and --resume need --certificate local")
    }
  }

  /// Checks that what is to be taken up again is kept somewhere.
  func check(_ results: ResultOptions) throws {
    if division.resume, results.out == nil {
      throw ValidationError("--resume needs --out, beside which the journal lies")
    }
  }

  /// - Parameter radii: what is shown beside the paper's four, where no other targets are named.
  func plan(also radii: [Epsilon] = []) -> LocalPlan {
    var plan = local.plan(budget: budget)
    if !local.isGiven { plan.goal = .targets(Epsilon.published + radii) }
    return plan
  }

  /// Where the search for local radii keeps what it finds; nil where there is none.
  func file(_ results: ResultOptions) throws -> AuditFile? {
    certificate == .local ? try division.file(results) : nil
  }

  var kinds: [CertificateKind] {
    CertificateKind.allCases.filter {
      CertificateKind.standing.contains($0) || $0 == certificate
    }
  }
}

extension Judgement {
  /// The classes of every image and the radii of all kinds that are asked for.
  ///
  /// - Parameter file: where results, and the journal of a search for local radii, are kept.
  mutating func certify(
    _ options: FurtherCertificateOptions, in file: AuditFile?
  ) throws -> AuditJournal? {
    guard options.certificate == .local else {
      try certify(options.kinds)
      return nil
    }
    return try options.division.run(workplace.observer, keeps: file != nil) {
      try certifyLocally(in: file)
    }
  }

  /// Keeps and shows the results, and removes the journal of a search that is complete.
  mutating func finish(
    _ journal: consuming AuditJournal?, in file: AuditFile?,
    show: (VerificationReport) throws -> Void
  ) throws {
    let left = report.certificates?.unsearched ?? 0
    var journal = journal
    try finish(kept: { if left == 0 { journal.take()?.remove() } }, show: show)
    if left > 0, let file {
      workplace.observer.note(
        "the budget ran out; --resume continues from \(file.journal)")
    }
  }
}
