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

struct Enclosures: PropertyCheck {
  let id = "bound.enclosure"
  let statement = "lower bound ≤ ‖W‖ ≤ upper bound, and the two are close"
  let source = "docs/soundness.md, sections 1 and 2; Rump 2006"

  func run(_ context: CheckContext) throws -> Findings {
    var above: [Double] = []
    var below: [Double] = []
    var control: [Double] = []
    for index in 0..<context.effort.choose(6, 12, 60) {
      var random = context.random(for: id, index)
      let (layer, matrix, rows) = Self.sample(index, context, &random)
      guard let bounds = try layer.bounded.spectralNorm(),
        let exact = LAPACK.singularValues(matrix, rows: rows, columns: matrix.count / rows)?.first
      else { continue }
      above.append(bounds.upperBound / exact)
      below.append(bounds.lowerBound / exact)
      control.append(bounds.lowerBound * (1 - 1e-9) / exact)
    }
    for padding in ConvolutionPadding.allCases {
      for index in 0..<context.effort.choose(3, 4, 12) {
        var random = context.random(for: id, 1000 + index)
        for (bounds, matrix, rows) in try Self.samples(padding, index, context, &random) {
          guard
            let exact = LAPACK.singularValues(
              matrix, rows: rows, columns: matrix.count / rows)?.first
          else { continue }
          above.append(bounds.upperBound / exact)
          below.append(bounds.lowerBound / exact)
        }
      }
    }
    // The network's own layers are too large for a matrix; ‖Wv‖ ≤ ‖W‖ for each unit vector v.
    var own: [(subject: String?, value: Double)] = []
    var widths: [(subject: String?, value: Double)] = []
    if let verified = context.verified {
      for (layer, bounds) in zip(verified.network.layers, verified.bounds.layers) {
        guard let norm = bounds.spectralNorm, norm.upperBound > 0,
          let wide = layer.converted(to: Double.self) as? any ConvexPotentialLayer<Double>
        else { continue }
        let direction = TopDirection.of(wide.linearMap)
        own.append((layer.name, norm.upperBound / wide.linearMap.apply(direction).norm))
        if norm.method != .torus { widths.append((layer.name, norm.relativeWidth)) }
      }
    }
    // LAPACK's guarantee: |σ̃ − σ| ≤ p(m, n)·u·‖A‖, p a modest function, here at most 200.
    let tolerance = 200 * Rounding.unitRoundoff
    let origin = "backward error of LAPACK's singular values, p(m, n)·u"
    var measurements = [
      Measurement(
        "upper bound over the exact norm", worstOf: above, .atLeast, 1, tolerance: tolerance,
        from: origin),
      Measurement(
        "lower bound over the exact norm", worstOf: below, .atMost, 1, tolerance: tolerance,
        from: origin),
      Measurement("upper bound over the exact norm", worstOf: above, .atMost, 1 + 1e-6),
    ]
    if !own.isEmpty {
      measurements.append(
        Measurement(
          "upper bound over ‖Wv‖ of the network's layers", worstOf: own, .atLeast, 1,
          tolerance: 1e-11, from: "binary64 products of at most 2¹⁵ terms"))
    }
    if !widths.isEmpty {
      measurements.append(
        Measurement("relative width of the network's enclosures", worstOf: widths, .atMost, 1e-6))
    }
    return Findings(
      measurements,
      control: PositiveControl(
        "the lower bound, less 1e-9 of it, as an upper bound",
        Measurement(
          "upper bound over the exact norm", worstOf: control, .atLeast, 1, tolerance: tolerance,
          from: origin)))
  }

  /// A small layer and its matrix: dense ones, convolutions, and the kernel whose norm on the torus
  /// of the image's size is 2 where the exact one is 1 + √2.
  private static func sample(
    _ index: Int, _ context: CheckContext, _ random: inout CounterRandom
  ) -> (layer: any Layer<Float>, matrix: [Double], rows: Int) {
    let step = StepSize(rule: .power, value: 0)
    if index % 2 == 1 {
      let (features, inner) = (10 + random.below(50), 10 + random.below(50))
      let weights = Tensor<Float>(
        shape: [inner, features], elements: random.normals(inner * features))
      let layer = CPLNetwork<Float>(
        [.linear(features: features, inner: inner, step: step)],
        parameters: [[weights, Tensor(shape: [inner])]],
        buffers: [[Tensor(shape: [features])]]
      ).layers[0]
      return (context.altered(layer), weights.elements.map { Double($0) }, inner)
    }
    let (channels, inner) = index == 0 ? (1, 1) : (1 + random.below(3), 1 + random.below(3))
    let (side, size) = index == 0 ? (3, 3) : (3 + random.below(4), 1 + 2 * random.below(3))
    // Every other convolution is of an image that is wider than high.
    let image = ImageShape(channels: channels, height: side, width: side + index % 4)
    let kernel = Tensor<Float>(
      shape: [inner, channels, size, size],
      elements: index == 0
        ? [0, 0, 0, -1, 1, -1, 0, 0, 0] : random.normals(inner * channels * size * size))
    let layer = CPLNetwork<Float>(
      [.convolution(image: image, inner: inner, kernel: size, step: step)],
      parameters: [[kernel, Tensor(shape: [inner])]],
      buffers: [[Tensor(shape: image.extents)]]
    ).layers[0]
    return (
      context.altered(layer), matrix(of: kernel, on: image), inner * image.planeCount
    )
  }

  /// The enclosures and matrices of a small affine convolution and, where it is circular, of the convex potential one
  /// with its kernel: the first two kernels have norms on the torus of the image's size that are smaller and larger than
  /// those with zeros beyond the edges.
  private static func samples(
    _ padding: ConvolutionPadding, _ index: Int, _ context: CheckContext,
    _ random: inout CounterRandom
  ) throws -> [(bounds: SpectralNormEnclosure, matrix: [Double], rows: Int)] {
    let channels = index < 2 ? 1 : 1 + random.below(3)
    let (inner, side) = (index < 2 ? 1 : 1 + random.below(3), 3 + index % 2)
    let image = ImageShape(channels: channels, height: 3, width: side)
    let kernel = Tensor<Float>(
      shape: [inner, channels, 3, 3],
      elements: index < 2
        ? [0, 0, 0, index == 0 ? -1 : 1, 1, index == 0 ? -1 : 1, 0, 0, 0]
        : random.normals(inner * channels * 9))
    func layer(_ kind: LayerSpecification, buffers: [Tensor<Float>] = []) -> any Layer<Float> {
      CPLNetwork(
        [kind], parameters: [[kernel, Tensor(shape: [inner])]], buffers: [buffers]
      ).layers[0]
    }
    func sample(
      _ layer: any Layer<Float>, executing kernel: Tensor<Float>
    ) throws -> (bounds: SpectralNormEnclosure, matrix: [Double], rows: Int)? {
      try context.altered(layer).bounded.spectralNorm().map {
        ($0, matrix(of: kernel, on: image, padding), inner * image.planeCount)
      }
    }
    var samples: [(bounds: SpectralNormEnclosure, matrix: [Double], rows: Int)?] = []
    let affine = layer(
      .aolConvolution(image: image, channels: inner, kernel: 3, padding: padding))
    if let affine = affine as? AOLLayer<ConvolutionProduct<Float>> {
      samples.append(try sample(affine, executing: affine.product.weights))
    }
    if padding == .circular {
      let kind = LayerSpecification.convolution(
        image: image, inner: inner, kernel: 3, step: StepSize(rule: .power, value: 0),
        padding: padding)
      samples.append(
        try sample(layer(kind, buffers: [Tensor(shape: image.extents)]), executing: kernel))
    }
    return samples.compactMap(\.self)
  }

  /// The matrix of a convolution, from its definition.
  private static func matrix(
    of kernel: Tensor<Float>, on image: ImageShape, _ padding: ConvolutionPadding = .zero
  ) -> [Double] {
    let (inner, channels, size) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    let (height, width) = (image.height, image.width)
    let columns = image.count
    var matrix = [Double](repeating: 0, count: inner * image.planeCount * columns)
    for (tap, weight) in kernel.elements.enumerated() {
      let (a, b) = (tap / size % size - size / 2, tap % size - size / 2)
      let (output, input) = (tap / (size * size) / channels, tap / (size * size) % channels)
      for row in 0..<height {
        for column in 0..<width {
          let (y, x) = (row + a, column + b)
          let isInside = (0..<height).contains(y) && (0..<width).contains(x)
          guard isInside || padding == .circular else { continue }
          let target = (output * height + row) * width + column
          let source =
            (input * height + (y + size * height) % height) * width + (x + size * width) % width
          matrix[target * columns + source] += Double(weight)
        }
      }
    }
    return matrix
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
