// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

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
