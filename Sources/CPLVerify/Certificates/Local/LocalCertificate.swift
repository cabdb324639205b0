// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// Certificates of the network as it is evaluated in binary64, rounding included, by a bound of how far each
/// margin can fall around each image (`LocalBound`). No radius is less than the `sound` one.
///
/// With m = RD(z̃_c − z̃_j) − 2ε_cj as in `MarginBounds`, D(t) < m for ρ = RD(m/ν_cj) proves that no image of the
/// box within t of the image has a real margin of ε_cj or less, and so none a computed one of 0 or less.
package struct LocalCertificate: Certificate {
  package static let name = "local"
  package static let arithmetic = CertifiedArithmetic.binary64
  package static let gap: String? = nil
  package static let isCostly = true
  package static let statements = [
    "Covered by local: this program's binary64 evaluation of these weights, rounding included: as "
      + "sound, but by a bound of how far each margin can fall around the very image, which counts "
      + "what switching a unit costs; never less than sound.",
    "Not covered by local: the same weights run in binary32, here or elsewhere.",
  ]

  /// How many problems are searched side by side.
  private static let lanes = 8

  private let bounds: MarginBounds
  private let network: EvaluatedNetwork
  /// Nil where the head chooses among features.
  private let local: LocalNetwork?

  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    bounds = try network.marginBounds
    self.network = network
    local = network.binary64.head.isLinear ? try LocalNetwork(network) : nil
  }

  package func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    let sound = bounds.radii(batch, errors: 2)
    guard let local else { return sound }
    var radii = sound.map(\.radius)
    let images = radii.indices.filter { radii[$0] > LocalPlan.leastRadius }.map { row in
      LocalImage(
        row: row, radius: radii[row],
        opponents: bounds.opponents(
          Array(batch.binary64.row(row)), predicted: batch.predictions(in: .binary64)[row]))
    }
    switch network.localPlan.goal {
    case .targets(let targets):
      for target in targets.map(\.value.nextUp).sorted() where target <= bounds.diameter {
        let tried = images.filter {
          radii[$0.row] < target && LocalPlan.greatestGain - target / $0.radius > 0
        }
        for row in proved(tried, at: tried.map { _ in target }, batch, local) {
          radii[row] = target
        }
      }
    case .radius:
      var open = images.map { (image: $0, limit: min($0.radius * 2, bounds.diameter)) }
      while true {
        open.removeAll { radii[$0.image.row] * 1.01 >= $0.limit }
        if open.isEmpty || !network.localPlan.mayGoOn() { break }
        let radius = open.map { (radii[$0.image.row] * $0.limit).squareRoot() }
        let rows = proved(open.map(\.image), at: radius, batch, local)
        for index in open.indices {
          if rows.contains(open[index].image.row) {
            radii[open[index].image.row] = radius[index]
          } else {
            open[index].limit = radius[index]
          }
        }
      }
    }
    return zip(radii, sound).map {
      CertifiedRadius($0, lipschitz: $1.lipschitz, reach: $1.reach)
    }
  }

  /// The rows of the images of which a radius is proved. Classes are tried one after the other, the nearest
  /// one first: an image is given up with the first that fails.
  private func proved(
    _ images: [LocalImage], at radii: [Double], _ batch: EvaluatedBatch, _ local: LocalNetwork
  ) -> Set<Int> {
    let predictions = batch.predictions(in: .binary64)
    let workers = batch.workers
    var waiting = zip(images, radii).map { image, radius in
      LocalTask(
        image: image, radius: radius, opponents: image.opponents.filter { $0.radius <= radius },
        preactivations: [])
    }
    let (pixels, rows) = (batch.images, waiting.map(\.image.row))
    let preactivations = workers.map(rows.count) { index in
      local.preactivations(pixels.slice(rows[index]..<rows[index] + 1).converted())
    }
    for index in waiting.indices { waiting[index].preactivations = preactivations[index] }
    var done: Set<Int> = []
    var stage = 0
    while !waiting.isEmpty, network.localPlan.mayGoOn() {
      done.formUnion(waiting.filter(\.opponents.isEmpty).map(\.image.row))
      waiting.removeAll(where: \.opponents.isEmpty)
      // The nearest class alone, then the others together.
      let problems = waiting.indices.flatMap { task in
        (stage == 0 ? waiting[task].opponents.prefix(1) : waiting[task].opponents[...]).map {
          (task: task, opponent: $0)
        }
      }
      stage += 1
      let tasks = waiting
      let pieces = (problems.count + Self.lanes - 1) / Self.lanes
      let results = workers.map(pieces) { piece in
        search(
          problems[piece * Self.lanes..<min(problems.count, (piece + 1) * Self.lanes)].map {
            (tasks[$0.task], $0.opponent, predictions[tasks[$0.task].image.row])
          }, local)
      }
      var failed: Set<Int> = []
      for (problem, isProved) in zip(problems, results.flatMap(\.self)) {
        if isProved {
          waiting[problem.task].opponents.removeAll { $0.label == problem.opponent.label }
        } else {
          failed.insert(problem.task)
        }
      }
      waiting = waiting.indices.filter { !failed.contains($0) }.map { waiting[$0] }
    }
    return done
  }

  /// Whether each problem is proved.
  private func search(
    _ problems: [(task: LocalTask, opponent: LocalOpponent, predicted: Int)], _ local: LocalNetwork
  ) -> [Bool] {
    var settings = LocalSearch.Settings()
    settings.steps = network.localPlan.steps
    let found = LocalSearch(local, settings).run(
      problems.map {
        LocalProblem(
          preactivations: $0.task.preactivations,
          pair: ($0.predicted, $0.opponent.label), radius: $0.task.radius,
          margin: $0.opponent.margin, featureDistance: $0.opponent.featureDistance)
      }, mayGoOn: network.localPlan.mayGoOn
    ) { index, multipliers in
      let (task, opponent, predicted) = problems[index]
      return LocalBound(
        local, preactivations: task.preactivations, pair: (predicted, opponent.label)
      ).decreaseUpperBound(
        radius: task.radius, featureDistance: opponent.featureDistance, multipliers)
        < opponent.margin
    }
    return found.map { $0.steps != nil }
  }
}

/// A certified image, with the classes that its radius depends on.
private struct LocalImage: Sendable {
  let row: Int
  /// The sound radius.
  let radius: Double
  let opponents: [LocalOpponent]
}

/// An image that is to be proved at a radius, with the classes that are left.
private struct LocalTask: Sendable {
  let image: LocalImage
  let radius: Double
  var opponents: [LocalOpponent]
  var preactivations: [[Double]]
}

/// A class that an image might be taken for.
package struct LocalOpponent: Sendable {
  package let label: Int
  /// m: what the margin may fall by.
  package let margin: Double
  /// ρ ≤ m/ν.
  package let featureDistance: Double
  /// Within this the global constant rules the class out.
  package let radius: Double
}

extension MarginBounds {
  /// The classes that an image could be taken for at some distance, the nearest one first.
  package func opponents(_ logits: [Double], predicted: Int) -> [LocalOpponent] {
    logits.indices.compactMap { other -> LocalOpponent? in
      let constant = constants[predicted, other]
      guard other != predicted, constant > 0 else { return nil }
      let margin = marginLowerBound(logits, predicted, other, errors: 2)
      return LocalOpponent(
        label: other, margin: margin, featureDistance: Rounding.down.quotient(margin, constant),
        radius: Rounding.down.quotient(margin, Rounding.up.product(lipschitz, constant)).nextDown)
    }.sorted { ($0.radius, $0.label) < ($1.radius, $1.label) }
  }
}
