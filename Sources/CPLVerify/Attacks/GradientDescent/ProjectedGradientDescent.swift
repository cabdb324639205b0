import CPLReference

/// Projected gradient descent in the ℓ2 ball (Madry et al. 2018), with normalised gradient steps.
public struct ProjectedGradientDescent: FixedBudgetAttack {
  /// Which of the two versions of PGD an attack is.
  public enum Variant: String, CaseIterable, Sendable {
    /// As the paper's evaluation has it: 10 steps of ε/5 up the cross-entropy, projected to the box
    /// and then to the ball; the last iterate counts, and images that are misclassified already are
    /// attacked all the same.
    case published
    /// 50 steps of 2.5ε/50, projected to the ball and then to the box; the first adversarial
    /// iterate counts; two restarts, up the margin and up the cross-entropy of the logits in units of
    /// their spread.
    case strong
  }

  public let variant: Variant
  private let steps: Int
  private let restarts: Int

  public var name: String { variant == .strong ? "pgd" : "pgd-published" }
  public var summary: String {
    switch variant {
    case .published: "the paper's PGD: \(steps) steps of ε/5 up the cross-entropy"
    case .strong:
      "projected gradient descent, \(steps) steps of 2.5ε/\(steps), \(restarts) random starts: "
        + "up the margin and up the cross-entropy"
    }
  }

  /// PGD in one of its versions.
  public init(_ variant: Variant) {
    self.variant = variant
    steps = variant == .strong ? 50 : 10
    restarts = variant == .strong ? 2 : 1
  }

  public func run(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    workers: Workers
  ) -> [AttackResult] {
    precondition(budgets.count == input.count, "a budget for each image")
    var results = [AttackResult](repeating: AttackResult(), count: input.count)
    var survivors = Array(0..<input.count)
    if variant == .strong {
      let predictions = target.logits(input.images, workers: workers).rowMaxima
      for position in survivors {
        results[position].forwardPasses += 1
        if predictions[position] != input.labels[position] {
          results[position].keep(Array(input.images.row(position)), distance: 0)
        }
      }
    }
    for restart in 0..<restarts {
      survivors.removeAll { results[$0].image != nil }
      if survivors.isEmpty { break }
      let found = descend(
        input.selecting(survivors), budgets: survivors.map { budgets[$0] }, on: target,
        seed: seed, restart: restart, workers: workers)
      for (position, result) in zip(survivors, found) {
        results[position].forwardPasses += result.forwardPasses
        results[position].backwardPasses += result.backwardPasses
        if let image = result.image { results[position].keep(image, distance: result.distance) }
      }
    }
    return results
  }

  /// One restart. Images leave as soon as they are broken, where the first iterate counts.
  private func descend(
    _ input: AttackInput, budgets: [Double], on target: AttackTarget, seed: UInt64,
    restart: Int, workers: Workers
  ) -> [AttackResult] {
    let loss: AttackLoss =
      variant == .published
      ? .crossEntropy : restart == 0 ? .margin(target.constants) : .relativeCrossEntropy
    let balls = (0..<input.count).map { Ball(center: input.images.row($0), radius: budgets[$0]) }
    var iterates = workers.map(input.count) {
      start(in: balls[$0], index: input.indices[$0], seed: seed, restart: restart)
    }
    var results = [AttackResult](repeating: AttackResult(), count: input.count)
    var alive = Array(0..<input.count)
    for step in 0...steps {
      let images = Tensor(
        shape: [alive.count] + input.images.shape.dropFirst(),
        elements: alive.flatMap { iterates[$0] })
      let isLast = step == steps
      let labels = alive.map { input.labels[$0] }
      let found = target.evaluate(
        images, workers: workers,
        gradientOf: isLast ? nil : { loss.gradient($1, label: labels[$0]) })
      for (row, position) in alive.enumerated() {
        results[position].forwardPasses += 1
        guard isLast || variant == .strong, found.predictions[row] != labels[row],
          balls[position].contains(iterates[position])
        else { continue }
        let distance = Ball.distance(iterates[position], balls[position].center)
        results[position].keep(iterates[position], distance: distance)
      }
      guard let gradient = found.gradient else { break }
      let positions = alive
      let current = iterates
      let moved = workers.map(positions.count) { row in
        move(current[positions[row]], along: gradient.row(row), in: balls[positions[row]])
      }
      for (row, position) in positions.enumerated() {
        results[position].backwardPasses += 1
        iterates[position] = moved[row]
      }
      if variant == .strong { alive.removeAll { results[$0].image != nil } }
      if alive.isEmpty { break }
    }
    return results
  }

  /// u uniform in the box; then the point of the segment from x to u that lies in the ball.
  private func start(in ball: Ball<Float>, index: Int, seed: UInt64, restart: Int) -> [Float] {
    var random = CounterRandom(
      seed: seed, purpose: .projectedGradientDescent, major: UInt32(index),
      middle: UInt32(restart))
    var image = ball.center.map { _ in Float(random.uniform()) }
    ball.projectToBall(&image)
    Ball.projectToBox(&image)
    return image
  }

  /// One step of normalised gradient ascent and the projections.
  private func move(
    _ image: [Float], along gradient: ArraySlice<Double>, in ball: Ball<Float>
  ) -> [Float] {
    let length = gradient.euclideanLength
    // A gradient that is 0 or not finite leads nowhere.
    guard length > 0, length.isFinite else { return image }
    let stepSize = ball.radius * (variant == .strong ? 2.5 / 50 : 1.0 / 5)
    let scale = stepSize / (variant == .strong ? length : max(length, 1e-6))
    var moved = zip(image, gradient).map { Float(Double($0) + scale * $1) }
    switch variant {
    case .published:
      Ball.projectToBox(&moved)
      ball.projectToBall(&moved)
    case .strong:
      ball.projectToBall(&moved)
      Ball.projectToBox(&moved)
    }
    return moved
  }
}
