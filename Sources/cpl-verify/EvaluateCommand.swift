import ArgumentParser
import CPLReference
import CPLVerify

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measures accuracy and certified accuracy on test images.")

  @Argument(help: "The weights, such as RUN/last.h5.", completion: .file())
  var weights: String

  @Option(help: "Reproduce the published pipeline's quirks, or mend them.")
  var profile = ProfileName.corrected

  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    let checkpoint = try Checkpoint(path: weights)
    let images = try dataOptions.read(.test)
    var network = checkpoint.network
    try network.check(takes: images)
    let workers = options.workers
    network.updateSteps(iterations: CPLNetwork<Float>.evaluationIterations, workers: workers)
    let progress = options.progress
    let logits = try network.logits(of: images, workers: workers) { done in
      progress.update("evaluating", done: done, total: images.count, unit: "images")
      try Interruption.check()
    }
    progress.finish()
    let predictions = logits.rowMaxima
    let radii = PublishedCertificate(network, ignoresTies: profile.profile.nanTie).radii(logits)
    let certified = CertifiedAccuracy(
      radii: radii, predictions: predictions, labels: images.labels)
    let result = Result(
      images: images.count,
      accuracy: Double(zip(predictions, images.labels).count { $0 == $1 }) / Double(images.count),
      certifiedAccuracy: [
        CertificateKind.published.rawValue: Dictionary(
          uniqueKeysWithValues: Epsilon.published.map { ($0.description, certified[$0]) })
      ],
      profile: profile.rawValue)
    if options.json { try Output.json(result) } else { try show(result) }
  }

  private func show(_ result: Result) throws {
    try Output.line("images              \(result.images)")
    try Output.line("accuracy            \(Output.percent(result.accuracy))")
    for (kind, values) in result.certifiedAccuracy.sorted(by: { $0.key < $1.key }) {
      try Output.line("certified accuracy, \(kind)")
      for epsilon in Epsilon.published {
        try Output.line(
          "  at \(epsilon.description.padding(8))       \(Output.percent(values[epsilon.description]!))"
        )
      }
    }
  }

  private struct Result: Encodable {
    let images: Int
    let accuracy: Double
    let certifiedAccuracy: [String: [String: Double]]
    let profile: String
  }
}

extension CPLNetwork {
  /// Checks that the network takes the images of a data set and knows its classes.
  func check(takes images: ImageDataset) throws {
    guard inputShape == images.imageShape, classes == images.classes else {
      throw ReferenceError.mismatch(
        expected: "images \(inputShape) in \(classes) classes, which the network takes",
        found: "\(images.name) with images \(images.imageShape) in \(images.classes) classes")
    }
  }
}
