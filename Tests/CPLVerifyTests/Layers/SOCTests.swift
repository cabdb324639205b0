// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import TestSupport
import Testing

/// Skew orthogonal convolutions: against PyTorch, against explicit matrices, and what is proved of them.
@Suite("SOC") struct SOCTests {
  /// What `fixtures/soc` has recorded.
  struct Recorded: CustomStringConvertible {
    let description: String
    let specification: LayerSpecification

    init(_ name: String, _ image: ImageShape, kernel: Int, terms: Int) {
      description = name
      specification = .socConvolution(image: image, kernel: kernel, terms: terms)
    }
  }

  static let recorded = [
    Recorded("twelve", [6, 8, 7], kernel: 3, terms: 12),
    Recorded("five", [4, 6, 9], kernel: 3, terms: 5),
    Recorded("four", [3, 7, 6], kernel: 5, terms: 4),
    Recorded("one", [5, 4, 4], kernel: 1, terms: 1),
  ]

  @Test("outputs are PyTorch's to 1e-12, gradients to 1e-10", arguments: recorded)
  func parity(_ recorded: Recorded) throws {
    let file = try HDF5File.open(Fixture.repository.appending(path: "fixtures/soc/soc.h5").path)
    func input(_ name: String) throws -> Tensor<Double> {
      try file.readTensor(of: Float.self, from: "/inputs/\(recorded)/\(name)").converted()
    }
    func output(_ name: String) throws -> Tensor<Double> {
      try file.readTensor(of: Double.self, from: "/f64/\(recorded)/\(name)")
    }
    let specification = recorded.specification
    var layer = try #require(
      specification.value.makeLayer(
        name: "soc", parameters: [try input("kernel"), try input("bias")], buffers: [try input("u")]
      )
        as? SOCConvolution<Double>)
    let follow = layer.deriveWeights(densePowerGradient: false)
    #expect(relativeError(layer.kernel, try output("executed")) < 1e-12)
    #expect(relativeError(try #require(layer.powerVector), try output("u_after")) < 1e-12)
    let (y, cache) = layer.forward(
      try input("x"), recording: .everything, workers: Workers(threads: 2))
    #expect(relativeError(y, try output("y")) < 1e-12)
    var (x, gradient) = layer.backward(try input("g"), cache, workers: Workers(threads: 2))
    follow(&gradient, .serial)
    #expect(relativeError(x, try output("grad_x")) < 1e-10)
    for (name, value) in zip(["kernel", "bias"], gradient.parameters) {
      #expect(relativeError(value, try output("grad_\(name)")) < 1e-10, "\(name)")
    }
  }

  @Test(
    "gradients have the same bits whether the series is kept or computed again, for any number of threads"
  )
  func kept() throws {
    let layer = try Self.layer(
      .socConvolution(image: [18, 8, 8], kernel: 3, terms: 6), seed: 3, iterations: 2)
    let x = Tensor<Float>.normal([11, 18, 8, 8], stream: 50)
    let g = Tensor<Float>.normal([11, 18, 8, 8], stream: 51)
    func everything(atMost: Int, threads: Int) -> [Tensor<Float>] {
      let workers = Workers(threads: threads)
      let (y, cache) = layer.forward(x, keeping: .everything, atMost: atMost, workers: workers)
      let (input, sums) = layer.backward(g, from: cache, workers: workers)
      return [y, input] + sums.parameters
    }
    let expected = everything(atMost: .max, threads: 1)
    #expect(everything(atMost: 0, threads: 1) == expected)
    #expect(everything(atMost: .max, threads: 3) == expected)
    #expect(everything(atMost: 0, threads: 2) == expected)
  }

  @Test("a filter whose norm is as stored is executed as it is, in files and in training too")
  func unnormalized() throws {
    let specification = LayerSpecification.socConvolution(
      image: [3, 5, 4], kernel: 3, terms: 5, isNormalized: false)
    let json = try JSONEncoder().encode(specification)
    #expect(try JSONDecoder().decode(LayerSpecification.self, from: json) == specification)
    let skew = try Self.layer(
      .socConvolution(image: [3, 5, 4], kernel: 3, terms: 5), seed: 1, iterations: 9
    ).kernel
    var layer = try #require(
      CPLNetwork<Float>(
        [specification], parameters: [[skew, Tensor(shape: [3])]], buffers: [[]]
      ).layers[0] as? SOCConvolution<Float>)
    _ = layer.deriveWeights(densePowerGradient: false)
    #expect(layer.kernel == skew && layer.specification == specification)
    #expect(try layer.lipschitzUpperBound(try layer.spectralNorm()) > 1)
  }

  /// The layer with random weights after some iterations of the power method.
  private static func layer(
    _ specification: LayerSpecification, seed: UInt64, iterations: Int
  ) throws -> SOCConvolution<Float> {
    var layer = try #require(
      CPLNetwork<Float>([specification], seed: seed).layers[0] as? SOCConvolution<Float>)
    for _ in 0..<iterations { _ = layer.deriveWeights(densePowerGradient: false) }
    return layer
  }

  /// The matrix of a map, and of a layer without its bias, by columns.
  private static func matrix(
    _ shape: [Int], _ map: (Tensor<Double>) -> Tensor<Double>
  ) -> [Double] {
    let count = shape.reduce(1, *)
    return (0..<count).flatMap { column in
      var unit = Tensor<Double>(shape: shape)
      unit.elements[column] = 1
      return map(unit).elements
    }
  }

  @Test("A's matrix is skew to the last bit, and its norm and the layer's within what is proved")
  func explicitMatrix() throws {
    var ratios: [Double] = []
    for (index, terms) in [1, 2, 3, 4, 5, 7, 8, 12, 20].enumerated() {
      let image: ImageShape = [1 + index % 4, 3 + index % 3, 2 + index % 5]
      let layer = try Self.layer(
        .socConvolution(image: image, kernel: 1 + 2 * (index % 3), terms: terms),
        seed: UInt64(index), iterations: index % 2 == 0 ? 60 : 0)
      let wide = try #require(layer.converted(to: Double.self) as? SOCConvolution<Double>)
      let count = image.count
      let map = Self.matrix(image.extents, wide.map.apply)
      for row in 0..<count {
        for column in 0...row {
          #expect(map[row * count + column] == -map[column * count + row])
        }
      }
      let norm = try #require(try layer.spectralNorm())
      let exact = try #require(LAPACK.singularValues(map, rows: count, columns: count)?.first)
      #expect(norm.lowerBound <= exact * (1 + 1e-13) && exact <= norm.upperBound * (1 + 1e-13))
      #expect(norm.upperBound == 0 || norm.relativeWidth <= 1e-6)
      let bias = wide.forward(
        Tensor(shape: [1] + image.extents), recording: .nothing, workers: .serial
      ).output
      let whole = Self.matrix(image.extents) { unit in
        var value = wide.forward(
          unit.reshaped([1] + image.extents), recording: .nothing, workers: .serial
        ).output
        value.add(bias, scale: -1)
        return value
      }
      let largest = try #require(LAPACK.singularValues(whole, rows: count, columns: count)?.first)
      let bound = try layer.lipschitzUpperBound(norm)
      #expect(largest <= bound * (1 + 1e-13))
      ratios.append(largest / bound)
      if [4, 8, 12, 20].contains(terms) { #expect(bound == 1) }
    }
    // Of a skew map 0 is an eigenvalue, or nearly; where the series expands, the largest angle counts.
    #expect(ratios.allSatisfy { $0 > 0.9 })
  }

  @Test("the series keeps distances on the intervals that are claimed, and on none that is longer")
  func theorem() {
    let least = [4: 2.8284, 8: 3.3951, 12: 3.3793, 16: 3.3248, 20: 3.2903]
    for terms in TruncatedExponential.supportedTerms {
      let series = TruncatedExponential(terms: terms)
      let angle = series.contractingAngle
      #expect((angle > 0) == [0, 3].contains(terms % 4), "k = \(terms)")
      if let claim = least[terms] { #expect(angle > claim && angle < claim + 1e-4, "k = \(terms)") }
      if angle > 0 {
        #expect(series.modulusUpperBound(upTo: angle) == 1)
        #expect(series.modulusUpperBound(upTo: angle + 1e-4) > 1)
      }
    }
    #expect(abs(TruncatedExponential(terms: 4).contractingAngle - 8.0.squareRoot()) < 1e-8)
    #expect(abs(TruncatedExponential(terms: 3).contractingAngle - 3.0.squareRoot()) < 1e-8)
  }

  @Test("bounds of |S_k(iθ)| are those of the sum itself, to a millionth of what exceeds 1")
  func modulus() {
    for terms in TruncatedExponential.supportedTerms {
      let series = TruncatedExponential(terms: terms)
      for limit in [0, 0.1, 1, 1.01, 2.8, 3.3, 4, 10, 16] as [Double] {
        let found =
          (0...4000).map { step in
            let angle = limit * Double(step) / 4000
            var (real, imaginary, size) = (0.0, 0.0, 1.0)
            for power in 0...terms {
              if power > 0 { size *= angle / Double(power) }
              switch power % 4 {
              case 0: real += size
              case 1: imaginary += size
              case 2: real -= size
              default: imaginary -= size
              }
            }
            return (real * real + imaginary * imaginary).squareRoot()
          }.max() ?? 1
        let bound = series.modulusUpperBound(upTo: limit)
        #expect(bound >= found * (1 - 1e-14), "k = \(terms), up to \(limit)")
        #expect(bound - 1 <= (found - 1) * (1 + 1e-5) + 1e-14, "k = \(terms), up to \(limit)")
      }
      #expect(series.modulusUpperBound(upTo: 17) >= series.modulusUpperBound(upTo: 16))
    }
  }

  /// A random small network of one to three such layers.
  private static func network(seed: UInt64) -> CPLNetwork<Float> {
    var random = CounterRandom(seed: seed, purpose: .test, major: 81)
    let window = 1 + random.below(2)
    let image = ImageShape(
      channels: 1 + random.below(3), height: window * (1 + random.below(3)),
      width: window * (1 + random.below(3)))
    let hidden = image.with(channels: image.channels + random.below(3))
    let features = hidden.pooled(by: window).count
    var layers: [LayerSpecification] = [
      .normalize(
        mean: random.uniforms(image.channels, limit: 0.5),
        standardDeviation: (0..<image.channels).map { _ in Float(0.3 + random.uniform()) },
        image: image),
      .padding(.zero, image: image, channels: hidden.channels),
    ]
    for _ in 0...random.below(3) {
      layers.append(
        .socConvolution(
          image: hidden, kernel: 1 + 2 * random.below(3), terms: 1 + random.below(20),
          isNormalized: random.below(3) > 0))
    }
    layers += [
      .normPool(image: hidden, window: window), .flatten(image: hidden.pooled(by: window)),
    ]
    if random.below(2) == 0 {
      layers.append(
        .linear(
          features: features, inner: 1 + random.below(8), step: StepSize(rule: .power, value: 0)))
    }
    layers.append(
      features > 2 && random.below(3) == 0
        ? .poolingLinear(.truncate, features: features, classes: 3)
        : .lastLayerNormalised(features: features, classes: 2 + random.below(6)))
    var network = CPLNetwork<Float>(layers, seed: seed)
    // From none to many iterations: norms from 3 down to 1.
    for _ in 0..<[0, 1, 40][random.below(3)] {
      for index in network.layers.indices {
        guard var layer = network.layers[index] as? SOCConvolution<Float> else { continue }
        _ = layer.deriveWeights(densePowerGradient: false)
        network.layers[index] = layer
      }
    }
    return network
  }

  @Test("no attack reaches a sound radius in random networks")
  func attacks() throws {
    var count = 0
    for seed in 0..<UInt64(Hunt.isSlow ? 1000 : 30) {
      let verified = try VerifiedNetwork(
        Self.network(seed: seed), profile: .corrected, workers: .serial
      ) { _, _ in }
      let certified = try CertifiedNetwork(EvaluatedNetwork(verified), .sound)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let (predictions, radii) = try certified.certify(images, workers: .serial)
      let hunt = Hunt(images: images, radii: radii, predictions: predictions)
      count += hunt.count
      let executed = certified.network.binary64
      #expect(try hunt.brokenByDescent(verified, in: executed) == 0, "seed \(seed)")
      #expect(
        try hunt.brokenByRounding(in: executed, points: Float.self) == 0, "seed \(seed)")
      #expect(
        try hunt.brokenByRounding(in: executed, points: Double.self) == 0, "seed \(seed)")
    }
    #expect(count > 2 * (Hunt.isSlow ? 1000 : 30))
    if Hunt.isSlow { print("SOC: \(count) sound radii, none broken") }
  }

  @Test("trained it learns, and its constant is proved to be 1; what does not know it refuses it")
  func life() throws {
    let image: ImageShape = [3, 8, 8]
    let hidden = image.with(channels: 6)
    var network = CPLNetwork<Float>(
      [
        .normalize(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1], image: image),
        .padding(.zero, image: image, channels: 6),
        .socConvolution(image: hidden, kernel: 3, terms: 4),
        .socConvolution(image: hidden, kernel: 3, terms: 12),
        .normPool(image: hidden, window: 4), .flatten(image: hidden.pooled(by: 4)),
        .linear(features: 24, inner: 16, step: StepSize(rule: .power, value: 0)),
        .lastLayerNormalised(features: 24, classes: 3),
      ], seed: 3)
    var random = CounterRandom(seed: 5, purpose: .properties)
    let images = Tensor<Float>(
      shape: [48, 3, 8, 8], elements: (0..<48 * 192).map { _ in Float(random.uniform()) })
    let labels = (0..<48).map { $0 % 3 }
    var adam = Adam<Float>(shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    var losses: [Float] = []
    for _ in 0..<40 {
      let (loss, _, gradients) = network.trainingGradient(
        images: images, labels: labels, loss: MarginLoss(margin: 0.7), densePowerGradient: false,
        workers: .serial)
      losses.append(loss)
      adam.update(&network, gradients: gradients, learningRate: 0.01, workers: .serial)
    }
    #expect(losses[39] < 0.9 * losses[0])
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    for bounds in verified.bounds.layers where bounds.name.hasPrefix("soc") {
      #expect(bounds.lipschitzUpperBound == 1 && bounds.stepSize == nil)
      let norm = try #require(bounds.spectralNorm)
      #expect(norm.upperBound > 0.9 && norm.upperBound < 2)
    }
    #expect(verified.bounds.lipschitzUpperBound == 1)
    let evaluated = EvaluatedNetwork(verified)
    let sound = try CertifiedNetwork(evaluated, .sound).certify(images, workers: .serial).radii
    let real = try CertifiedNetwork(evaluated, .lipschitz).certify(images, workers: .serial).radii
    #expect(sound.contains { $0 > 0 })
    #expect(zip(sound, real).allSatisfy { $0 <= $1 && $1 - $0 < 1e-9 })
    func isRefused(_ body: () throws -> Void) -> Bool {
      do {
        try body()
        return false
      } catch {
        return "\(error)".contains("soc-convolution.0")
      }
    }
    #expect(isRefused { _ = try CertifiedNetwork(evaluated, .local) })
  }
}
