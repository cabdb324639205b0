import CPLReference

/// Looks for the nearest adversarial image: DeepFool's linearised steps (Moosavi-Dezfooli, Fawzi and
/// Frossard 2016) towards each of the nearest classes, then bisection on the segment back to the
/// image.
public struct MinimumNormSearch: MinimumNormAttack {
  public let name = "minimum-norm"
  /// How many classes are tried, nearest first.
  private let targets = 3
  private let steps = 15
  /// How far beyond the linearised boundary a step goes.
  private let overshoot = 1.02
  private let bisections = 12

  public init() {}

  /// The nearest adversarial image found for each image.
  public func run(
    _ input: AttackInput, on target: AttackTarget, seed: UInt64, workers: Workers
  ) -> [AttackResult] {
    var results = [AttackResult](repeating: AttackResult(), count: input.count)
    let logits = target.network.logits(input.images, workers: workers)
    for position in 0..<input.count { results[position].forwardPasses += 1 }
    let ranks = input.labels.indices.map {
      Self.nearestClasses(Array(logits.row($0)), label: input.labels[$0], target.constants)
    }
    for rank in 0..<min(targets, target.network.classes - 1) {
      let found = walk(
        input, towards: ranks.map { $0[rank] }, on: target, results: &results, workers: workers)
      bisect(found, input, on: target, results: &results, workers: workers)
    }
    return results
  }

  /// Steps to the linearised boundary with one class until the label is left; the last iterates of
  /// the images for which it was.
  private func walk(
    _ input: AttackInput, towards classes: [Int], on target: AttackTarget,
    results: inout [AttackResult], workers: Workers
  ) -> [Int: [Float]] {
    var iterates = (0..<input.count).map { Array(input.images.row($0)) }
    var alive = Array(0..<input.count)
    var found: [Int: [Float]] = [:]
    for _ in 0..<steps where !alive.isEmpty {
      let pass = target.network.record(
        input.images.replacingRows(alive.map { iterates[$0] }), recording: .masks,
        workers: workers)
      let predictions = pass.logits.rowMaxima
      var direction = Tensor<Float>(shape: pass.logits.shape)
      for (row, position) in alive.enumerated() {
        results[position].forwardPasses += 1
        if predictions[row] != input.labels[position] { found[position] = iterates[position] }
        direction.elements[row * target.network.classes + classes[position]] = 1
        direction.elements[row * target.network.classes + input.labels[position]] = -1
      }
      let gradient = target.network.inputGradient(direction, pass, workers: workers)
      for (row, position) in alive.enumerated() where found[position] == nil {
        results[position].backwardPasses += 1
        let logits = pass.logits.row(row)
        let margin =
          Double(logits[logits.startIndex + input.labels[position]])
          - Double(logits[logits.startIndex + classes[position]])
        let slope = gradient.row(row)
        let square = slope.reduce(0.0) { $0 + Double($1) * Double($1) }
        guard square > 0 else { continue }
        let scale = overshoot * (margin + 1e-6) / square
        var moved = zip(iterates[position], slope).map { Float(Double($0) + scale * Double($1)) }
        Ball.projectToBox(&moved)
        iterates[position] = moved
      }
      alive.removeAll { found[$0] != nil }
    }
    return found
  }

  /// The nearest point of each segment from the image to what was found at which the label is left,
  /// as far as halving tells.
  private func bisect(
    _ found: [Int: [Float]], _ input: AttackInput, on target: AttackTarget,
    results: inout [AttackResult], workers: Workers
  ) {
    let positions = found.keys.sorted()
    guard !positions.isEmpty else { return }
    for position in positions { results[position].keep(found[position]!, of: input, position) }
    var inside = [Double](repeating: 0, count: positions.count)
    var outside = [Double](repeating: 1, count: positions.count)
    for _ in 0..<bisections {
      let points = positions.enumerated().map { row, position in
        let share = (inside[row] + outside[row]) / 2
        return zip(input.images.row(position), found[position]!).map {
          Float(Double($0) + share * (Double($1) - Double($0)))
        }
      }
      let logits = target.network.logits(input.images.replacingRows(points), workers: workers)
      for (row, prediction) in logits.rowMaxima.enumerated() {
        let position = positions[row]
        results[position].forwardPasses += 1
        let share = (inside[row] + outside[row]) / 2
        if prediction == input.labels[position] {
          inside[row] = share
        } else {
          outside[row] = share
          results[position].keep(points[row], of: input, position)
        }
      }
    }
  }

  /// The classes other than the label, by margin over the margin's Lipschitz constant.
  private static func nearestClasses(
    _ logits: [Float], label: Int, _ constants: PairConstants
  ) -> [Int] {
    func distance(_ other: Int) -> Double {
      let constant = constants[label, other]
      let margin = Double(logits[label]) - Double(logits[other])
      return constant > 0 ? margin / constant : .infinity
    }
    return logits.indices.filter { $0 != label }.sorted {
      (distance($0), $0) < (distance($1), $1)
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

extension Tensor {
  /// Other rows of the same shape.
  func replacingRows(_ rows: [[Scalar]]) -> Tensor {
    Tensor(shape: [rows.count] + shape.dropFirst(), elements: rows.flatMap { $0 })
  }
}
