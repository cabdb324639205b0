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
      "Of local certificates: end the search after this time; the images that are left keep their "
        + "sound radii.", valueName: "seconds"))
  var budget: Double?

  func validate() throws {
    if let budget, !(budget > 0) {
      throw ValidationError("--budget is a positive number of seconds, not \(budget)")
    }
    if certificate != .local, local.isGiven || budget != nil {
      throw ValidationError("--targets, --radius and --budget need --certificate local")
    }
  }

  /// - Parameter radii: what is shown beside the paper's four, where no other targets are named.
  func plan(also radii: [Epsilon] = []) -> LocalPlan {
    var plan = local.plan(budget: budget)
    if !local.isGiven { plan.goal = .targets(Epsilon.published + radii) }
    return plan
  }

  var kinds: [CertificateKind] {
    CertificateKind.allCases.filter {
      CertificateKind.standing.contains($0) || $0 == certificate
    }
  }
}
