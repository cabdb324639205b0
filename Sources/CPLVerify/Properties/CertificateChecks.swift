// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLCertificates
import CPLFindings
import CPLReference

/// Checks of certified radii.
enum CertificateChecks {
  static let all: [any PropertyCheck] = [
    ValidCertificates(), CertificateRule(), LocalFalls(),
  ]
}

struct ValidCertificates: PropertyCheck {
  let id = "certificate.valid"
  let statement = "no attack finds a change of class within the sound radius"
  let source = "docs/soundness.md, sections 5 and 6"

  func run(_ context: CheckContext) throws -> Findings {
    var tightness: [Double] = []
    if let verified = context.verified {
      let images = try context.images(context.effort.choose(4, 16, 256))
      tightness += try Self.tightness(verified, images, context, scale: 1)
    }
    // Where certificates leave nothing over, a radius a thousandth too large is met.
    var random = context.random(for: id)
    let tight = TightNetwork(
      context, classes: 4, images: context.effort.choose(16, 32, 200), &random)
    let verified = try context.verify(tight.network)
    let nearest = try Self.tightness(verified, tight.images, context, scale: 1)
    let quantity = "least d/r, d the distance of an image of another class, r the certified radius"
    return Findings(
      [
        Measurement(quantity, worstOf: tightness + nearest, .atLeast, 1.0.nextUp),
        Measurement(
          "greatest d/r where certificates are tight", worstOf: nearest, .atMost, 1.001),
      ],
      control: PositiveControl(
        "radii 0.1 % too large, on a network whose certificates are tight",
        Measurement(
          quantity,
          worstOf: try Self.tightness(verified, tight.images, context, scale: 1.001), .atLeast,
          1.0.nextUp)))
  }

  /// d/r of every certified image, by an audit.
  private static func tightness(
    _ verified: VerifiedNetwork, _ images: ImageDataset, _ context: CheckContext, scale: Double
  ) throws -> [Double] {
    let certify = context.certify
    let audit = try CertificateAudit(
      EvaluatedNetwork(verified), certificate: .sound, seed: context.seed,
      workers: context.workers
    ) { network, batch in
      let (predictions, radii) = try certify(network, batch)
      return (predictions, radii.map { $0 * scale })
    }
    // d = ∞ where nothing was found.
    return try audit.run(images) { _ in }.images.filter { $0.radius > 0 }
      .map { $0.distance / $0.radius }
  }
}

struct CertificateRule: PropertyCheck {
  let id = "certificate.rule"
  let statement =
    "radii are those of the pairwise rule, recomputed in binary64; the √2 rule is refused on a normalised last layer"
  let source = "Meunier et al. 2022, section 6; docs/soundness.md, section 5"

  func run(_ context: CheckContext) throws -> Findings {
    var above: [CertificateKind: [Double]] = [:]
    var below: [Double] = []
    var control: [Double] = []
    let heads = ModelRecipe.Head.allCases + [.lln, .lln, .lln]
    for (index, head) in heads.enumerated() {
      var random = context.random(for: id, index)
      var configuration = ModelRecipe(
        convolutionLayers: 1, channels: 6, convolutionInner: 3, linearLayers: 1, linearInner: 8,
        head: head, classes: 5, image: ImageShape(channels: 3, height: 8, width: 8))
      configuration.pooling = 4
      var network: CPLNetwork<Float> = context.network(
        configuration.layers(mean: [0.4, 0.5, 0.6], standardDeviation: [0.5, 0.75, 1]),
        seed: context.seed &+ UInt64(index))
      if head == .lln { Self.pairRows(of: &network) }
      let verified = try context.verify(network)
      let count = context.effort.choose(8, 24, 200)
      let images = Tensor<Float>(
        shape: [count, 3, 8, 8], elements: (0..<count * 192).map { _ in Float(random.uniform()) })
      let evaluated = EvaluatedNetwork(verified)
      let batch = EvaluatedBatch(images, evaluated, workers: context.workers)
      let direct = Self.radii(batch, evaluated)
      for kind in [CertificateKind.lipschitz, .sound] {
        let (predictions, radii) = try context.certify(CertifiedNetwork(evaluated, kind), batch)
        for image in 0..<count where direct.radii[image] > 1e-6 {
          guard predictions[image] == direct.classes[image] else {
            above[kind, default: []].append(.infinity)
            continue
          }
          above[kind, default: []].append(radii[image] / direct.radii[image])
          below.append(direct.radii[image] - radii[image])
          control.append(1.0001 * radii[image] / direct.radii[image])
        }
      }
    }
    // Rows 2 apart: the √2 rule would claim a radius √2 times too large.
    let features = 6
    let opposed = context.altered(
      CPLNetwork<Double>(layers: [
        LastLayerNormalised(
          name: "head",
          weights: Tensor(
            shape: [2, features],
            elements: (0..<2 * features).map {
              $0 % features == 0 ? ($0 < features ? 1 : -1) : 0
            }), bias: Tensor(shape: [2]))
      ]))
    let constant = try PairConstants(opposed)[0, 1]
    let quantity = "radius over the directly recomputed one"
    // The recomputation rounds a few times, its norms of at most 24 terms included.
    func measured(_ kind: CertificateKind, _ values: [Double]) -> Measurement {
      Measurement(
        "\(kind): \(quantity)", worstOf: values, .atMost, 1,
        tolerance: 64 * Rounding.unitRoundoff, from: "the recomputation's own rounding")
    }
    return Findings(
      [
        measured(.sound, above[.sound] ?? []), measured(.lipschitz, above[.lipschitz] ?? []),
        Measurement(
          "how far the radius falls short of the recomputed one", worstOf: below, .atMost, 1e-6),
        Measurement(
          "the constant of a margin whose rows are opposite", constant, .atLeast, 2, cases: 1),
      ],
      control: PositiveControl(
        "radii 0.01 % too large",
        measured(.sound, control)))
  }

  /// Brings every second row of a head near to the one before it: then the class with the second
  /// largest logit is often not the one that is nearest.
  private static func pairRows(of network: inout CPLNetwork<Float>) {
    let head = network.layers.count - 1
    network.layers[head].updateParameters { index, value in
      guard index == 0 else { return }
      let features = value.shape[1]
      for element in value.elements.indices where element / features % 2 == 1 {
        value.elements[element] =
          value.elements[element - features] + 0.3 * value.elements[element]
      }
    }
  }

  /// min_j (z_c − z_j)/(L ν_cj) in plain binary64 arithmetic: ν from the weights, L = the product of
  /// the layers' textbook constants.
  private static func radii(
    _ batch: EvaluatedBatch, _ evaluated: EvaluatedNetwork
  ) -> (classes: [Int], radii: [Double]) {
    let (network, logits) = (evaluated.binary32, batch.binary64)
    let (classes, head) = (network.classes, network.layers[network.layers.count - 1])
    let lipschitz = 1 / Double(network.standardDeviations.min() ?? 1)
    func constant(_ first: Int, _ second: Int) -> Double {
      switch head.specification.value {
      case is LastLayerNormalisedKind:
        let weights = head.parameters[0].value
        func row(_ label: Int) -> [Double] {
          let row = weights.row(label).map { Double($0) }
          let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
          return row.map { $0 / length }
        }
        let differences = zip(row(first), row(second)).map { $0 - $1 }
        return differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
      case let kind as PoolingLinearKind where kind.pooling == .mean:
        let size = Double(kind.features) / Double(kind.classes)
        return (2 * size / size.rounded(.down)).squareRoot()
      default: return 2.0.squareRoot()
      }
    }
    var radii: [Double] = []
    let predictions = logits.rowMaxima
    for (image, best) in predictions.enumerated() {
      guard best >= 0 else {
        radii.append(0)
        continue
      }
      let row = Array(logits.row(image))
      radii.append(
        (0..<classes).filter { $0 != best }.map {
          (row[best] - row[$0]) / (lipschitz * constant(best, $0))
        }.min() ?? 0)
    }
    return (predictions, radii)
  }
}
