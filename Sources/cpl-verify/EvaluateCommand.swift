import ArgumentParser
import CPLReference
import CPLVerify

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures accuracy, certified accuracy and accuracy under attack on test images.")

  @OptionGroup var weights: WeightsOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Also attack every image by the paper's PGD at this radius, such as 36/255; repeatable.",
      valueName: "epsilon"))
  var pgd: [Epsilon] = []

  @Option(parsing: .unconditional, help: "The seed that the attack's noise comes from.")
  var seed: UInt64 = 0

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var results: ResultOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    var judgement = try Judgement(weights, dataOptions, results, options, seed: seed)
    try judgement.certify()
    for epsilon in pgd {
      let broken = try judgement.attack(
        ProjectedGradientDescent(.published).name, epsilon: epsilon, seed: seed
      ).count { $0.image != nil }
      judgement.report.evaluation?.pgdAccuracy[epsilon] =
        1 - Double(broken) / Double(judgement.images.count)
    }
    let lipschitz = judgement.verified.bounds.lipschitzUpperBound
    try judgement.finish { report in
      if options.json {
        try Output.line(try report.json(.evaluate))
      } else if let evaluation = report.evaluation {
        try show(evaluation, of: report.provenance.data.name ?? "", lipschitz: lipschitz)
      }
    }
  }

  private func show(
    _ evaluation: EvaluationSummary, of data: String, lipschitz: Double
  ) throws {
    try Output.line("images                     \(evaluation.images) of \(data)")
    try Output.line("Lipschitz, before the head \(lipschitz) at most")
    try Output.line("accuracy                   \(Output.percent(evaluation.accuracy))")
    if let differing = evaluation.differingPredictions {
      try Output.line("other class in binary64    \(differing)")
    }
    for epsilon in Epsilon.published {
      let kinds = evaluation.certifiedAccuracy.sorted { $0.key.rawValue < $1.key.rawValue }.map {
        "\($0.key.rawValue) \(Output.percent($0.value[epsilon] ?? .nan))"
      }
      try Output.line(
        "certified at \(epsilon.description.padding(14))" + kinds.joined(separator: ", "))
    }
    for (epsilon, accuracy) in evaluation.pgdAccuracy.sorted(by: { $0.key < $1.key }) {
      try Output.line(
        "under PGD at \(epsilon.description.padding(14))" + Output.percent(accuracy))
    }
  }
}
