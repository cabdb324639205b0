import CPLReference

/// Checks of the data.
enum DataChecks {
  static let all: [any PropertyCheck] = [MatchingLabels()]
}

struct MatchingLabels: PropertyCheck {
  let id = "data.labels"
  let statement = "the data's labels agree with the network well above chance"
  let source = "that the network was trained on data like these"

  func run(_ context: CheckContext) throws -> Findings {
    let verified = try context.network()
    guard context.isLabelled, let all = context.images else {
      throw NotApplicable("no data is given whose labels the network was trained for")
    }
    let images = all.prefix(context.effort.choose(200, 1000, 10_000))
    let predictions = verified.network.logits(of: images, workers: context.workers) { _ in }
      .rowMaxima
    // Labels that know nothing of the images agree as often as the commonest prediction at most;
    // five standard deviations above that happen once in three million.
    var counts = [Int](repeating: 0, count: images.classes)
    for label in images.labels { counts[label] += 1 }
    let chance = Double(counts.max() ?? 0) / Double(images.count)
    let bound = min(1, chance + 5 * (chance * (1 - chance) / Double(images.count)).squareRoot())
    func measured(_ labels: [Int]) -> Measurement {
      let agreements = zip(predictions, labels).count { $0 == $1 }
      return Measurement(
        "accuracy", Double(agreements) / Double(labels.count), .atLeast, bound,
        from: "five standard deviations above chance", cases: labels.count)
    }
    return Findings(
      [measured(images.labels)],
      control: PositiveControl(
        "labels shifted by one image",
        measured(Array(images.labels.dropFirst() + images.labels.prefix(1)))))
  }
}
