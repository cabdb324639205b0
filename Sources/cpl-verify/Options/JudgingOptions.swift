// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import CPLVerify

/// Which network is judged: the one in the file unless another is asked for.
struct JudgingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Judge with the published pipeline's quirks, or with steps that are proved, instead of the "
        + "network as the file holds it."))
  var profile: ProfileName?

  @Option(
    help: ArgumentHelp(
      "The steps that are executed: the file's own (shipped, the default), 2/(σ̄² + 1e-4) from "
        + "verified bounds (verified), or from 100 power iterations (power). Every output says when "
        + "they are not the file's.", valueName: "shipped|verified|power"))
  var steps: StepPolicy?

  var judging: Judging {
    Judging(
      name: profile?.rawValue ?? "shipped", profile: profile?.profile ?? .corrected,
      steps: steps ?? profile?.profile.steps ?? .shipped)
  }

  /// The flags that judge so again.
  var flags: [String] {
    (profile.map { ["--profile", $0.rawValue] } ?? [])
      + (steps.map { ["--steps", $0.rawValue] } ?? [])
  }
}

extension StepPolicy: ExpressibleByArgument {
  /// `published` is what --profile published asks for.
  public static var allValueStrings: [String] {
    [shipped, verified, power].map(\.rawValue)
  }

  public init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    self.init(rawValue: argument)
  }
}
