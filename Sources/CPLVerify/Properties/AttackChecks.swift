// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLCertificates
import CPLFindings
import CPLReference

/// Checks of the attacks: that they keep to their contract, and that withstanding them means something.
enum AttackChecks {
  static let all: [any PropertyCheck] = [AttackContract(), AttackStrength()]
}

struct AttackContract: PropertyCheck {
  let id = "attack.contract"
  let statement =
    "every image that an attack returns is of another class, in its ball and in the box, at the stated distance, whichever images are attacked with it"
  let source = "the contract of Attack"

  func run(_ context: CheckContext) throws -> Findings {
    let verified = try context.network()
    let images = try context.images(context.effort.choose(3, 4, 32))
    let target = try AttackTarget(verified.network)
    let points = images.images(at: 0..<images.count)
    let (predictions, radii) = try CertifiedNetwork(EvaluatedNetwork(verified), .sound).certify(
      points, workers: context.workers)
    let classified = predictions.indices.filter { predictions[$0] >= 0 }
    guard !classified.isEmpty else {
      throw NotApplicable("no image is given whose logits are finite")
    }
    let input = AttackInput(images: points, labels: predictions, indices: images.indices)
      .selecting(classified)
    // What is found at any distance comes first: twice as far, something is found inside a ball too.
    let unbounded = classified.map { _ in Double.infinity }
    var deeds = try context.minimumNormAttacks.map { attack in
      try Deed(input, budgets: unbounded, target, context) { input, _ in
        attack.run(input, on: target, seed: context.seed, workers: context.workers)
      }
    }
    let budgets = classified.indices.map { position in
      let nearest = deeds.map { $0.distances[position] }.min() ?? .infinity
      return max(4 * radii[classified[position]], 1, nearest < .infinity ? 2 * nearest : 0)
    }
    // Square's thousands of queries belong to AutoAttack too, which asks them where they are needed.
    let fixedBudgetAttacks = context.fixedBudgetAttacks.filter {
      context.effort == .thorough || $0.name != SquareAttack().name
    }
    for attack in fixedBudgetAttacks {
      deeds.append(
        try Deed(input, budgets: budgets, target, context) { input, budgets in
          attack.run(
            input, budgets: budgets, on: target, seed: context.seed, workers: context.workers)
        })
    }
    let excess = "the true distance over the ball's radius"
    let control = try Deed(input, budgets: budgets, target, context) { input, budgets in
      LeavingBall(base: ProjectedGradientDescent(.strong)).run(
        input, budgets: budgets, on: target, seed: context.seed, workers: context.workers)
    }
    let statements = deeds.flatMap(\.statements)
    let measurements = [
      Measurement(excess, worstOf: deeds.flatMap(\.excess), .atMost, 1),
      Measurement("the stated distance over the true one", worstOf: statements, .atLeast, 1),
      Measurement(
        "the stated distance over the true one", worstOf: statements, .atMost, 1 + 1e-14),
      Measurement(
        failuresOf: "results outside the box, or of the same class", deeds.flatMap(\.failures)),
      Measurement(
        failuresOf: "results that differ when the image is attacked alone",
        deeds.flatMap(\.changes)),
    ].filter { $0.cases > 0 }
    if statements.isEmpty || control.excess.isEmpty,
      !measurements.contains(where: { $0.verdict == .violated })
    {
      throw NotApplicable(
        "too few images of another class are found near the \(images.count) at hand")
    }
    return Findings(
      measurements,
      control: PositiveControl(
        "images 1e-4 of the radius outside their balls",
        Measurement(excess, worstOf: control.excess, .atMost, 1)))
  }

  /// What an attack did.
  private struct Deed {
    /// For each image how far away one of another class is said to be.
    var distances: [Double] = []
    var excess: [Double] = []
    var statements: [Double] = []
    var failures: [Bool] = []
    var changes: [Bool] = []

    init(
      _ input: AttackInput, budgets: [Double], _ target: AttackTarget, _ context: CheckContext,
      _ attack: (AttackInput, [Double]) -> [AttackResult]
    ) throws {
      let together = attack(input, budgets)
      for (position, result) in together.enumerated() {
        distances.append(result.image == nil ? .infinity : result.distance)
        // The last image alone, as every other attack of a matrix would take too long.
        if context.effort > .quick || position == input.count - 1 {
          let alone = attack(input.selecting([position]), [budgets[position]])[0]
          changes.append(alone.image != result.image || alone.distance != result.distance)
        }
        guard let image = result.image else { continue }
        let distance = Distance(image, input.images.row(position)).upperBound
        if budgets[position].isFinite { excess.append(distance / budgets[position]) }
        statements.append(distance == result.distance ? 1 : result.distance / distance)
        let prediction = target.network.logits(
          Tensor(shape: [1] + target.network.inputShape, elements: image), workers: .serial
        ).rowMaxima[0]
        failures.append(
          prediction == input.labels[position] || !image.allSatisfy { (0...1).contains($0) })
      }
    }
  }
}

struct AttackStrength: PropertyCheck {
  let id = "attack.strength"
  let statement =
    "where the distance to the nearest image of another class is known, every attack comes within its factor of it"
  let source = "the contract of Attack; Moosavi-Dezfooli et al. 2016 for affine networks"

  /// How near an attack comes to the nearest image of another class of an affine network: descent
  /// ends on the ball, a search goes on to its bisections' width.
  private static func factor(_ name: String) -> Double {
    switch name {
    case "minimum-norm", "rounding": 1.001
    case "deepfool", "fab-t": 1.02
    case "pgd", "autoattack", "apgd-ce", "apgd-dlr", "apgd-t": 1.1
    // It knows no gradient, and the direction that matters is one among all pixels.
    case "square": 4
    default: 2
    }
  }

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    // Of two classes: among more, descent may end next to another class than the nearest.
    let tight = TightNetwork(
      context, classes: 2, images: context.effort.choose(8, 24, 200), &random)
    let verified = try context.verify(tight.network)
    let target = try AttackTarget(verified.network)
    let (classes, distances) = tight.distances()
    let input = AttackInput(
      images: tight.images.images(at: 0..<tight.images.count), labels: classes,
      indices: tight.images.indices)
    var measurements: [Measurement] = []
    for attack in context.minimumNormAttacks {
      let results = attack.run(input, on: target, seed: context.seed, workers: context.workers)
      measurements.append(
        Measurement(
          "\(attack.name): distance over the least one",
          worstOf: zip(results, distances).map { $0.distance / $1 }, .atMost,
          Self.factor(attack.name)))
    }
    for attack in context.fixedBudgetAttacks {
      measurements.append(
        Self.successes(attack, Self.factor(attack.name), input, distances, target, context))
    }
    return Findings(
      measurements,
      control: PositiveControl(
        "descent in balls half as large as the least distance",
        Self.successes(
          ProjectedGradientDescent(.strong), 0.5, input, distances, target, context)))
  }

  private static func successes(
    _ attack: any FixedBudgetAttack, _ factor: Double, _ input: AttackInput,
    _ distances: [Double], _ target: AttackTarget, _ context: CheckContext
  ) -> Measurement {
    let results = attack.run(
      input, budgets: distances.map { $0 * factor }, on: target, seed: context.seed,
      workers: context.workers)
    return Measurement(
      failuresOf: "\(attack.name): images not broken at \(factor) times the least distance",
      results.map { $0.image == nil })
  }
}
