// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLFindings
import CPLReference

/// Checks of spectral norms and Lipschitz constants.
enum BoundChecks {
  static let all: [any PropertyCheck] = [
    PowerMethodFromBelow(), Enclosures(), LayerConstants(), NonexpansiveKinds(), SkewSeriesLayers(),
    OrthogonalLayers(),
    NetworkConstant(),
  ]
}

struct PowerMethodFromBelow: PropertyCheck {
  let id = "power.lower-bound"
  let statement =
    "the power method's values never exceed the verified upper bound, and never fall"
  let source = "Meunier et al. 2022, Algorithm 1; docs/soundness.md, section 1"

  func run(_ context: CheckContext) throws -> Findings {
    let verified = try context.network()
    var excess: [(subject: String?, value: Double)] = []
    var fall: [(subject: String?, value: Double)] = []
    var control: [Double] = []
    let layers = zip(verified.network.layers, verified.bounds.layers)
    for (index, (layer, bounds)) in layers.enumerated() {
      guard let layer = layer as? any SteppedLayer<Float>,
        let upper = bounds.spectralNorm?.upperBound, upper > 0
      else { continue }
      let map = layer.linearMap
      var random = context.random(for: id, index)
      let starts = [layer.powerVector, random.direction(map.inputShape).converted()]
      let tolerance = try Self.rounding(map, layer.specification, upper)
      for start in starts {
        var (vector, before) = (start, -Double.infinity)
        for _ in 0..<context.effort.choose(10, 30, 100) {
          let iteration = PowerMethod(map, from: vector, iterations: 1)
          let estimate = Double(iteration.estimate)
          excess.append((layer.name, estimate / upper - tolerance))
          fall.append((layer.name, (before - estimate) / upper - 2 * tolerance))
          (vector, before) = (iteration.vector, estimate)
        }
        control.append(before / upper)
      }
    }
    let quantity = "σ̂ over the upper bound of ‖W‖, less the rounding of an iteration"
    guard !control.isEmpty else {
      throw NotApplicable("the network has no convex potential layer whose weights are not all 0")
    }
    return Findings(
      [
        Measurement(quantity, worstOf: excess, .atMost, 1),
        Measurement(
          "how far σ̂ falls in one iteration, relative and less its rounding", worstOf: fall,
          .atMost, 0),
      ],
      control: PositiveControl(
        "σ̂ of a kernel that is 10 % larger",
        Measurement(quantity, worstOf: control.map { $0 * 1.1 }, .atMost, 1)))
  }

  /// What an iteration in binary32 may err by, relative to ‖W‖: its products are chains of n terms,
  /// γ_nτ for each of W u and Wᵀv, and norms, quotients and the final product round a few times.
  private static func rounding(
    _ map: any LinearMap<Float>, _ specification: LayerSpecification, _ upper: Double
  ) throws -> Double {
    let format = BinaryFormat(Float.self)
    let terms =
      switch specification.value {
      case let kind as ConvolutionKind:
        kind.kernel * kind.kernel * max(kind.image.channels, kind.inner)
      default: max(map.inputShape.reduce(1, *), map.outputShape.reduce(1, *))
      }
    // τ ≤ √2‖W‖ up to the sums over single channels, which are smaller than ‖W‖ by far more.
    return 2 * format.gamma(terms + 8)
  }
}

struct LayerConstants: PropertyCheck {
  let id = "layer.constants"
  let statement =
    "padding, pooling, normalisation and heads have the Lipschitz constants that are claimed"
  let source = "Meunier et al. 2022, section 6; docs/soundness.md, section 3"

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let deviations = (0..<3).map { _ in Float(0.2 + random.uniform()) }
    func image(_ channels: Int, _ height: Int, _ width: Int) -> ImageShape {
      ImageShape(channels: channels, height: height, width: width)
    }
    let specifications: [LayerSpecification] = [
      .normalize(mean: [0.4, 0.5, 0.6], standardDeviation: deviations, image: image(3, 4, 4)),
      .padding(.zero, image: image(3, 4, 4), channels: 5),
      .padding(.clone, image: image(3, 3, 3), channels: 9),
      .normPool(image: image(2, 8, 8), window: 4), .normPool(image: image(3, 4, 4), window: 2),
      .flatten(image: image(3, 2, 2)),
      .poolingLinear(.truncate, features: 20, classes: 6),
      .poolingLinear(.mean, features: 20, classes: 6),
      .poolingLinear(.mean, features: 20, classes: 5),
    ]
    var ratios: [Double] = []
    for specification in specifications {
      let layer: any Layer<Double> = context.network([specification], seed: context.seed).layers[0]
      let rows = layer.outputShape.reduce(1, *)
      let matrix = layer.matrix()
      let exact = LAPACK.singularValues(matrix, rows: rows, columns: matrix.count / rows)?.first
      ratios.append((exact ?? .nan) / (try layer.bounded.lipschitzUpperBound(nil)))
    }
    var (pairs, rows): ([Double], [Double]) = ([], [])
    for specification in [
      LayerSpecification.lastLayerNormalised(features: 12, classes: 5),
      .poolingLinear(.truncate, features: 12, classes: 5),
    ] {
      let network: CPLNetwork<Double> = context.network([specification], seed: context.seed)
      pairs += try Self.pairRatios(network)
      rows += network.head.unitRows.map(Self.rowNorms) ?? []
    }
    // Values at unit vectors are exact but for the rounding of one product or quotient, and LAPACK's
    // own error.
    let tolerance = 1000 * Rounding.unitRoundoff
    func measured(_ what: String, _ values: [Double], _ relation: Measurement.Relation)
      -> Measurement
    {
      Measurement(
        what, worstOf: values, relation, 1, tolerance: tolerance,
        from: "LAPACK's singular values and one rounding of each entry")
    }
    return Findings(
      [
        measured("a layer's constant over the claimed one", ratios, .atMost),
        measured("a layer's constant over the claimed one", ratios, .atLeast),
        measured("a margin's constant over the claimed one", pairs, .atMost),
        measured("a margin's constant over the claimed one", pairs, .atLeast),
        measured("the norm of a normalised row", rows, .atMost),
        measured("the norm of a normalised row", rows, .atLeast),
      ],
      control: PositiveControl(
        "every claim 1e-9 too small",
        measured("a layer's constant over the claimed one", ratios.map { $0 / (1 - 1e-9) }, .atMost)
      ))
  }

  /// For each pair of classes the norm of the margin's gradient over the claimed constant.
  private static func pairRatios(_ network: CPLNetwork<Double>) throws -> [Double] {
    let matrix = network.head.matrix()
    let claimed = try PairConstants(network)
    let (classes, features) = (network.classes, matrix.count / network.classes)
    return (0..<classes).flatMap { first in
      (first + 1..<classes).map { second in
        let slope = (0..<features).map {
          matrix[first * features + $0] - matrix[second * features + $0]
        }
        return EuclideanNorm.upperBound(slope) / claimed[first, second]
      }
    }
  }

  private static func rowNorms(_ rows: Tensor<Double>) -> [Double] {
    (0..<rows.shape[0]).map { EuclideanNorm.upperBound(Array(rows.row($0))) }
  }
}

struct NetworkConstant: PropertyCheck {
  let id = "network.lipschitz"
  let statement =
    "what can be found of the network's expansion stays below the proved Lipschitz constant"
  let source = "docs/soundness.md, section 4"

  func run(_ context: CheckContext) throws -> Findings {
    var ratios: [Double] = []
    if let verified = context.verified {
      let images = try context.images(context.effort.choose(2, 8, 64))
      ratios += try Self.ratios(
        verified, at: images.images(at: 0..<images.count), context,
        context.random(for: id))
    }
    // Deviations other than 1, which the network at hand need not have.
    let small: CPLNetwork<Float> = context.network(
      ModelRecipe(
        convolutionLayers: 1, channels: 4, convolutionInner: 3, linearLayers: 1, linearInner: 8,
        image: ImageShape(channels: 3, height: 8, width: 8)
      ).layers(mean: [0.4, 0.5, 0.6], standardDeviation: [0.25, 0.3, 0.5]), seed: context.seed)
    let verified = try context.verify(small)
    var random = context.random(for: id, 1)
    let points = Tensor<Float>(
      shape: [4, 3, 8, 8], elements: (0..<768).map { _ in Float(random.uniform()) })
    let found = try Self.ratios(verified, at: points, context, random)
    ratios += found
    let quantity = "‖J v‖ or ‖φ(x) − φ(y)‖/‖x − y‖, over the proved constant"
    func measured(_ values: [Double]) -> Measurement {
      Measurement(
        quantity, worstOf: values, .atMost, 1, tolerance: 1e-11,
        from: "the rounding of one evaluation in binary64")
    }
    return Findings(
      [
        measured(ratios),
        Measurement(
          "the proved constant of layers with verified steps, over 1/min std",
          verified.bounds.lipschitzUpperBound / Rounding.up.quotient(1, 0.25), .atMost, 1, cases: 1),
        Measurement(
          "the proved constant of layers with verified steps, over 1/min std",
          verified.bounds.lipschitzUpperBound / Rounding.up.quotient(1, 0.25), .atLeast, 1,
          cases: 1),
      ],
      control: PositiveControl(
        "the division by the deviation left out of the proved constant",
        measured(found.map { $0 / 0.25 })))
  }

  private static func ratios(
    _ verified: VerifiedNetwork, at images: Tensor<Float>, _ context: CheckContext,
    _ random: CounterRandom
  ) throws -> [Double] {
    var random = random
    let network = verified.network.converted(to: Double.self)
    let jacobians = try network.jacobianDirections(
      at: images.converted(), iterations: context.effort.choose(10, 30, 100), seed: context.seed,
      workers: context.workers
    ).norms
    let points: Tensor<Double> = images.converted()
    let others = (0..<images.shape[0]).map { index in
      random.direction(network.inputShape).elements.map { [1e-3, 0.1, 1, 10][index % 4] * $0 }
    }
    let moved = points.adding(
      Tensor(shape: points.shape, elements: others.flatMap { $0 }), scale: 1)
    let (first, second) = (
      network.features(points, workers: context.workers),
      network.features(moved, workers: context.workers)
    )
    let expansions = others.indices.map { index in
      Distance(Array(first.row(index)), Array(second.row(index))).upperBound
        / Distance(Array(points.row(index)), Array(moved.row(index))).upperBound
    }
    return (jacobians + expansions).map { $0 / verified.bounds.lipschitzUpperBound }
  }
}
