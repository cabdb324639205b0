import CPLReference

/// Looks for the nearest adversarial image: DeepFool towards each of the nearest classes, FAB from the
/// nearest of what that found and bisection on the segments back to the image, twice in turn. The nearest
/// of all counts.
public struct MinimumNormSearch: MinimumNormAttack {
  public let name = "minimum-norm"
  public var summary: String {
    "search for the nearest adversarial image at any distance: DeepFool towards each of the nearest "
      + "classes, then \(rounds) times FAB (\(steps) iterations) and bisection towards the best "
      + "\(targets)"
  }
  private let start = DeepFool()
  /// How many classes are refined, nearest first, and how much farther than the nearest they may be.
  private let targets = 3
  private let slack = 1.2
  /// How often FAB and bisection take turns, FAB's iterations in each turn, and the halvings.
  private let rounds = 2
  private let steps = 25
  private let halvings = 18

  public init() {}

  /// The nearest adversarial image found for each image.
  public func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult] {
    var (results, _, _) = input.begin(on: target.network, workers: workers)
    let found = start.crossings(input, results: &results, on: target, workers: workers)
    for crossing in found {
      results[crossing.position].keep(crossing.image, of: input, crossing.position)
    }
    var chosen = nearest(found, input)
    for _ in 0..<rounds {
      chosen = refine(chosen, input, results: &results, on: target, workers: workers)
      for crossing in chosen {
        results[crossing.position].keep(crossing.image, of: input, crossing.position)
      }
    }
    return results
  }

  /// FAB from each crossing, and bisection of the nearest that it found.
  private func refine(
    _ crossings: [DeepFool.Crossing], _ input: AttackInput, results: inout [AttackResult],
    on target: AttackTarget, workers: Workers
  ) -> [DeepFool.Crossing] {
    var searches = crossings.map { crossing in
      FABSearch(
        input.images.row(crossing.position), start: crossing.image,
        label: input.labels[crossing.position], target: crossing.target, steps: steps)
    }
    target.network.drive(&searches, workers: workers)
    let refined = zip(crossings, searches).map { crossing, search in
      results[crossing.position].count(search)
      return DeepFool.Crossing(
        position: crossing.position, target: crossing.target,
        image: search.adversarial ?? crossing.image)
    }
    return start.bisect(
      refined, input, halvings: halvings, results: &results, on: target, workers: workers)
  }

  /// The crossings that are worth refining: for each image the nearest few.
  private func nearest(
    _ crossings: [DeepFool.Crossing], _ input: AttackInput
  ) -> [DeepFool.Crossing] {
    var distances: [Int: [(distance: Double, crossing: DeepFool.Crossing)]] = [:]
    for crossing in crossings {
      let distance = Ball.distance(crossing.image, input.images.row(crossing.position))
      distances[crossing.position, default: []].append((distance, crossing))
    }
    return distances.keys.sorted().flatMap { position in
      let all = (distances[position] ?? []).sorted {
        ($0.distance, $0.crossing.target) < ($1.distance, $1.crossing.target)
      }
      return all.prefix(targets).filter { $0.distance <= slack * all[0].distance }.map(\.crossing)
    }
  }
}

extension AttackResult {
  /// Keeps an adversarial image if it lies in the box and is the nearest so far.
  mutating func keep(_ candidate: [Float], of input: AttackInput, _ position: Int) {
    guard candidate.allSatisfy({ (0...1).contains($0) }) else { return }
    keep(candidate, distance: Ball.distance(candidate, input.images.row(position)))
  }
}
