// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Bounds of the rounding error of an evaluation")
struct ForwardErrorTests {
  @Test("no evaluation errs by more than is proved, against one with over 200 bits")
  func boundsHold() throws {
    // How many times a proved bound is what it bounds.
    var ratios: [(features: Double, features32: Double, margin: Double)] = []
    let networks = UInt64(Hunt.isSlow ? 4000 : 300)
    for seed in 0..<networks {
      let verified = try SampleNetworks.random(seed)
      let evaluated = EvaluatedNetwork(verified)
      let network = evaluated.binary64
      let features = try FeatureErrorBound(
        network, spectralNorms: verified.bounds.layers.map(\.spectralNorm))
      let certificate = try MarginBounds(evaluated)
      #expect(certificate.featureError == features.error)
      let features32 = try FeatureErrorBound(
        verified.network, spectralNorms: verified.bounds.layers.map(\.spectralNorm))
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let computed32 = verified.network.features(images, workers: .serial)
      let logits = network.logits(images.converted(), workers: .serial)
      let computed = network.features(images.converted(), workers: .serial)
      for image in 0..<3 {
        let exact = ExactEvaluation.features(network, images.row(image).map { Double($0) })
        let error = exact.distance(to: computed.row(image))
        #expect(error <= features.error, "features, seed \(seed)")
        let error32 = exact.distance(to: computed32.row(image).map { Double($0) })
        #expect(error32 <= features32.error, "features in binary32, seed \(seed)")
        #expect(
          EuclideanNorm.upperBound(Array(computed.row(image))) <= features.norm * (1 + 1e-12),
          "norm, seed \(seed)")
        let exactLogits = exact.applying(network.head)
        for (first, second) in [(0, 1), (network.classes - 1, 0)] {
          let marginError = exactLogits.marginError(Array(logits.row(image)), first, second)
          let bound = certificate.marginError(first, second)
          #expect(marginError <= bound, "margin, seed \(seed)")
          ratios.append(
            (features.error / error, features32.error / error32, bound / marginError))
        }
        let lacks = exactLogits.errorBound
        #expect(lacks < 0x1p-200 * features.error, "the oracle is no better, seed \(seed)")
      }
    }
    guard Hunt.isSlow else { return }
    for (name, of) in [
      ("features", ratios.map(\.features)), ("features in binary32", ratios.map(\.features32)),
      ("margins", ratios.map(\.margin)),
    ] {
      let sorted = of.sorted()
      print(
        "\(networks) networks, proved/measured error of \(name): at least \(sorted[0]), "
          + "median \(sorted[sorted.count / 2])")
    }
  }

  @Test(
    "no layer errs by more than is measured in fixed point, which is what 512 bits say but for 2⁻⁵⁰"
  )
  func measured() throws {
    var (layers, heads) = (0, 0)
    for seed in 0..<(Hunt.isSlow ? 4000 : 300) as Range<UInt64> {
      let evaluated = EvaluatedNetwork(try SampleNetworks.random(seed))
      let network = evaluated.binary64
      let images = SampleNetworks.images(evaluated.binary32, count: 1, seed: seed)
      var features: Tensor<Double> = images.converted()
      for layer in network.layers.dropLast() {
        let output = layer.forward(features, recording: .nothing, workers: .serial).output
        if let measuring = layer as? any MeasuredRoundingLayer {
          let bound = try #require(measuring.roundingError(features.row(0), output.row(0)))
          let exact = ExactEvaluation(Array(features.row(0))).applying(layer)
          let error = exact.distance(to: output.row(0))
          #expect(error <= bound && bound <= error + 0x1p-50, "\(layer.name), seed \(seed)")
          layers += 1
        }
        features = output
      }
      let logits = network.head.forward(features, recording: .nothing, workers: .serial).output
      guard let head = network.head as? LastLayerNormalised<Double> else { continue }
      let bounds = try #require(head.roundingErrors(features.row(0), logits.row(0)))
      for label in 0..<head.classes {
        let (row, bias) = (head.weights.row(label), FixedPoint(head.bias.elements[label]))
        let (product, square) = zip(row, features.row(0)).reduce((FixedPoint(0), FixedPoint(0))) {
          ($0.0 + FixedPoint($1.0) * $1.1, $0.1 + FixedPoint($1.0) * $1.0)
        }
        let exact = product * square.squareRoot.reciprocal + bias
        let error = exact.distance(to: logits.row(0)[logits.row(0).startIndex + label])
        #expect(
          error <= bounds[label]
            && bounds[label] <= error + 0x1p-47
              * (1 + exact.magnitudeUpperBound + bias.magnitudeUpperBound),
          "class \(label), seed \(seed)")
        heads += 1
      }
    }
    #expect(layers > 400 && heads > 300)
  }

  @Test("rounding errors are not measured where numbers are too large, or not finite")
  func unmeasured() throws {
    func layer(_ weight: Double, _ bias: Double, _ step: Double = 1) -> CPLLinear<Double> {
      CPLLinear(
        name: "linear.0", weights: Tensor(shape: [1, 2], elements: [weight, 1]),
        bias: Tensor(shape: [1], elements: [bias]), stepRule: .fixed, stepSize: step,
        powerVector: Tensor(shape: [2]))
    }
    #expect(layer(1, 1).roundingError([1, 1], [-2, -2]).map { $0 < 0x1p-70 } == true)
    #expect(layer(1, 1).roundingError([1, 1], [-2, -1]).map { abs($0 - 1) < 1e-9 } == true)
    for (weight, bias, step, input) in [
      (1, 1, 1, 0x1p20), (1, 1, 1, .infinity), (1, 1, 1, .nan), (0x1p20, 0, 1, 1), (.nan, 0, 1, 1),
      (0.1, 0, 1, 1), (1, 0x1p20, 1, 1), (1, 0, 0x1p20, 1), (1, 0, .nan, 1), (1, 0, -1, 1),
      (0x1p19, 0, 1, 4),
    ] as [(Double, Double, Double, Double)] {
      #expect(layer(weight, bias, step).roundingError([input, 1], [0, 0]) == nil)
    }
  }

  @Test("a dense layer attains its bound within 1 %: a smaller one would be false")
  func denseLayerIsTight() throws {
    let count = 1001
    let layer = try Self.attaining(count) { row in
      CPLLinear<Double>(
        name: "attaining", weights: Tensor(shape: [1, count], elements: row),
        bias: Tensor(shape: [1]), stepRule: .fixed, stepSize: 1, powerVector: Tensor(shape: [count])
      )
    }
    let bound = try layer.layer.forwardErrorBound(
      norm: layer.norm, spectralNorm: layer.layer.spectralNorm())
    let error = Self.error(of: layer.layer, at: layer.input)
    #expect(error <= bound)
    #expect(error > bound / 1.01, "attained: \(error / bound)")
  }

  @Test("a convolution attains its bound within a factor of 1.5")
  func convolutionIsTight() throws {
    let count = 1001
    let layer = try Self.attaining(count) { row in
      CPLConvolution<Double>(
        name: "attaining", kernel: Tensor(shape: [1, count, 1, 1], elements: row),
        bias: Tensor(shape: [1]), height: 1, width: 1, stepRule: .fixed, stepSize: 1,
        powerVector: Tensor(shape: [count, 1, 1]))
    }
    let bound = try layer.layer.forwardErrorBound(
      norm: layer.norm, spectralNorm: layer.layer.spectralNorm())
    let error = Self.error(of: layer.layer, at: layer.input)
    #expect(error <= bound)
    #expect(error > bound / 1.5, "attained: \(error / bound)")
  }

  @Test("a network attains its bound within a factor of 8")
  func networkIsTight() throws {
    let weight = Float(0x1p-26)
    let layers: [any Layer<Float>] = [
      Normalize(
        name: "normalize", mean: [0, 0, 0, 0], standardDeviation: [1, 1, 1, 1], image: [4, 1, 1]),
      Flatten(name: "flatten", image: [4, 1, 1]),
      CPLLinear(
        name: "linear.0", weights: Tensor(shape: [1, 4], elements: [1, weight, weight, weight]),
        bias: Tensor(shape: [1]), stepRule: .verified, stepSize: 0,
        powerVector: Tensor(repeating: 0.5, shape: [4])),
      PoolingLinear(name: "head", pooling: .truncate, features: 4, classes: 2),
    ]
    let verified = try VerifiedNetwork(
      CPLNetwork(layers: layers), profile: .corrected, workers: .serial
    ) { _, _ in }
    let network = verified.network.converted(to: Double.self)
    let small = Double(Float(0x1p-27 * (1 + 0x1p-20)))
    let input = [1, small, small, small]
    let computed = network.features(
      Tensor(shape: [1, 4, 1, 1], elements: input), workers: .serial)
    let bound = try MarginBounds(EvaluatedNetwork(verified)).featureError
    let error = ExactEvaluation.features(network, input).distance(to: computed.elements)
    #expect(error <= bound)
    #expect(error > bound / 8, "attained: \(error / bound)")
  }

  @Test("evaluations that might overflow are refused")
  func overflow() throws {
    let sums = FusedSums.dense(inputs: 3, outputs: 3, spectralNormUpperBound: 1e30)
    #expect(throws: VerificationError.self) {
      try sums.errorBound(norm: 1e10, in: BinaryFormat(Float.self))
    }
    #expect(try sums.errorBound(norm: 1e10, in: BinaryFormat(Double.self)) < 1e26)
    #expect(BinaryFormat(Float.self).gamma(1 << 23) == .infinity)
  }

  @Test(
    "networks of the paper's sizes err by less than 1e-9 in binary64, as is proved",
    .enabled(if: Hunt.isSlow),
    arguments: [
      ModelRecipe(convolutionLayers: 6, channels: 30, linearLayers: 3, linearInner: 512),
      ModelRecipe(convolutionLayers: 20, channels: 45, linearLayers: 7, linearInner: 2048),
    ])
  func realisticSizes(_ configuration: ModelRecipe) throws {
    let verified = try VerifiedNetwork(
      CPLNetwork(
        configuration.layers(mean: [0.4914, 0.4822, 0.4465], standardDeviation: [1, 1, 1]), seed: 1),
      profile: .corrected, workers: .serial
    ) { _, _ in }
    let evaluated = EvaluatedNetwork(verified)
    let certificate = try MarginBounds(evaluated)
    let norms = verified.bounds.layers.map(\.spectralNorm)
    let binary32 = try FeatureErrorBound(verified.network, spectralNorms: norms)
    let images = SampleNetworks.images(verified.network, count: 1, seed: 1)
    let network = evaluated.binary64
    let computed = network.features(images.converted(), workers: .serial)
    let exact = ExactEvaluation.features(network, images.elements.map { Double($0) })
    let error = exact.distance(to: computed.elements)
    let executed32 = verified.network.features(images, workers: .serial)
    let error32 = exact.distance(to: executed32.elements.map { Double($0) })
    print(
      "\(norms.count) layers: e = \(certificate.featureError), measured \(error), X = "
        + "\(binary32.norm); in binary32 e = \(binary32.error), measured \(error32); margin error "
        + "\(certificate.marginError(0, 1))")
    #expect(certificate.featureError < 1e-9)
    #expect(error <= certificate.featureError)
    #expect(error32 <= binary32.error)
  }

  /// A row (1, w, …, w) and an input (1, y, …, y) with w·y a little above half an ulp of 1: every
  /// addition after the first rounds up by almost half an ulp.
  private static func attaining<L: Layer<Double>>(
    _ count: Int, _ make: ([Double]) -> L
  ) throws -> (layer: L, input: [Double], norm: Double) {
    let row = [1] + Array(repeating: 0x1p-26, count: count - 1)
    let input = [1] + Array(repeating: 0x1p-27 * (1 + 0x1p-20), count: count - 1)
    return (make(row), input, EuclideanNorm.upperBound(input))
  }

  private static func error(of layer: any Layer<Double>, at input: [Double]) -> Double {
    let output = layer.forward(
      Tensor(shape: [1] + layer.inputShape, elements: input), recording: .nothing,
      workers: .serial
    ).output
    return ExactEvaluation(input).applying(layer).distance(to: output.elements)
  }
}
