// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Local certificates")
struct LocalRadiusTests {
  /// A dense network of up to four layers and twelve hidden units on images of four pixels, and its parts.
  private struct Dense {
    let evaluated: EvaluatedNetwork
    let images: Tensor<Float>

    init(_ seed: UInt64, count: Int, plan: LocalPlan) throws {
      var random = CounterRandom(seed: seed, purpose: .test, major: 91)
      let sizes = [[3], [12], [6, 6], [2, 3], [4, 8], [3, 3, 6], [2, 2, 2], [3, 3, 3, 3]][
        random.below(8)]
      let scale = Float(1 + 2 * random.uniform())
      let bias = Float(0.2 + random.uniform())
      var layers: [any Layer<Float>] = [
        Normalize(name: "normalize", mean: [0.5], standardDeviation: [1], image: [1, 2, 2]),
        Flatten(name: "flatten", image: [1, 2, 2]),
      ]
      for (index, size) in sizes.enumerated() {
        layers.append(
          CPLLinear<Float>(
            name: "linear.\(index)",
            weights: Tensor(
              shape: [size, 4],
              elements: random.normals(4 * size).map { (number: Float) in scale * number }),
            bias: Tensor(
              shape: [size], elements: random.normals(size).map { (number: Float) in bias * number }
            ),
            stepRule: .verified, stepSize: 0,
            powerVector: CPLNetwork.randomUnitVector(shape: [4], seed: seed, stream: 0)))
      }
      layers.append(
        LastLayerNormalised<Float>(
          name: "head",
          weights: Tensor(shape: [3, 4], elements: random.normals(12)),
          bias: Tensor(
            shape: [3], elements: random.normals(3).map { (number: Float) in 0.1 * number })))
      evaluated = EvaluatedNetwork(
        try VerifiedNetwork(
          CPLNetwork(layers: layers), profile: .corrected, workers: .serial
        ) { _, _ in }, localPlan: plan)
      images = Tensor(
        shape: [count, 1, 2, 2],
        elements: (0..<4 * count).map { _ in Float(0.2 + 0.6 * random.uniform()) })
    }

    /// Whether nothing of another class lies at a little less than a distance in any of many directions: what tells an exact
    /// distance that is too long.
    func isUnchanged(_ image: Int, within distance: Double, from label: Int, seed: UInt64) -> Bool {
      guard distance.isFinite else { return true }
      var random = CounterRandom(seed: seed, purpose: .test, major: 93, middle: UInt32(image))
      let pixels = images.row(image).map { Double($0) }
      let points = (0..<200).flatMap { _ -> [Double] in
        let direction: [Double] = random.normals(4)
        let length = LocalDefinition.dot(direction, direction).squareRoot()
        return zip(pixels, direction).map { $0 + 0.999 * distance * $1 / length }
      }
      return evaluated.binary64.logits(
        Tensor(shape: [200, 1, 2, 2], elements: points), workers: .serial
      ).rowMaxima.allSatisfy { $0 == label }
    }

    /// The distance from an image to the nearest point of another class.
    func distance(_ image: Int, predicted: Int) -> Double {
      let network = evaluated.binary64
      let layers = network.layers.compactMap { $0 as? CPLLinear<Double> }.map { layer in
        (
          weights: (0..<layer.inner).map { Array(layer.weights.row($0)) },
          bias: layer.bias.elements, step: layer.stepSize
        )
      }
      let rows = network.head.unitRows!
      let bias = network.head.parameters[1].value.elements
      return (0..<3).filter { $0 != predicted }.map { other in
        ExactDistance(
          layers: layers, row: zip(rows.row(predicted), rows.row(other)).map(-),
          offset: bias[predicted] - bias[other],
          input: images.row(image).map { Double($0) - 0.5 }
        ).distance
      }.min()!
    }
  }

  @Test("no local radius exceeds the exact distance, found by enumerating all activation patterns")
  func exact() throws {
    let (networks, perNetwork) = (UInt64(Hunt.isSlow ? 500 : 12), 3)
    var (sound, local, count) = ([Double](), [Double](), 0)
    for seed in 0..<networks {
      let dense = try Dense(seed, count: perNetwork, plan: LocalPlan(goal: .radius))
      let batch = EvaluatedBatch(dense.images, dense.evaluated, workers: .serial)
      let classes = batch.predictions(in: .binary64)
      let soundRadii = try CertifiedNetwork(dense.evaluated, .sound).radii(batch)
      let localRadii = try CertifiedNetwork(dense.evaluated, .local).radii(batch)
      for image in 0..<perNetwork where soundRadii[image].radius > 1e-3 {
        let distance = dense.distance(image, predicted: classes[image])
        let (r, r2) = (soundRadii[image].radius, localRadii[image].radius)
        #expect(r2 >= r && r <= distance * (1 + 1e-8))
        #expect(r2 <= distance * (1 + 1e-8), "seed \(seed), image \(image)")
        count += 1
        #expect(dense.isUnchanged(image, within: distance, from: classes[image], seed: seed))
        if distance.isFinite { (sound, local) = (sound + [r / distance], local + [r2 / distance]) }
      }
    }
    #expect(count > networks)
    let (before, after) = (
      sound.reduce(0, +) / Double(sound.count), local.reduce(0, +) / Double(local.count)
    )
    if Hunt.isSlow {
      print("exact distances: \(count) images; r/d on average sound \(before), local \(after)")
    }
    // A third of what is left on average, at least.
    #expect(after > before + 0.3 * (1 - before), "\(before) to \(after)")
  }

  @Test(
    "no attack reaches a local radius, in networks of every kind, and none is below the sound one")
  func attacks() throws {
    var (count, longer) = (0, 0)
    for seed in 0..<UInt64(Hunt.isSlow ? 4000 : 40) {
      let verified = try SampleNetworks.random(seed &+ 50_000)
      let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
      let evaluated = EvaluatedNetwork(verified, localPlan: LocalPlan(goal: .radius, steps: 60))
      let batch = EvaluatedBatch(images, evaluated, workers: .serial)
      let sound = try CertifiedNetwork(evaluated, .sound).radii(batch).map(\.radius)
      let local = try CertifiedNetwork(evaluated, .local).radii(batch).map(\.radius)
      #expect(zip(sound, local).allSatisfy(<=))
      longer += zip(sound, local).count(where: <)
      let hunt = Hunt(
        images: images, radii: local, predictions: batch.predictions(in: .binary64))
      count += hunt.count
      #expect(try hunt.brokenByDescent(verified, in: evaluated.binary64) == 0, "seed \(seed)")
      #expect(
        try hunt.brokenByRounding(in: evaluated.binary64, points: Double.self) == 0,
        "seed \(seed)")
    }
    #expect(count > 40 && longer > count / 4, "\(longer) of \(count)")
  }

  @Test("targets are proved just above, so that they count; where no time is left radii are sound")
  func targets() throws {
    let target = Epsilon.published[1]
    var proved = 0
    for seed in 0..<UInt64(12) {
      let dense = try Dense(seed, count: 8, plan: LocalPlan(goal: .targets([target])))
      let batch = EvaluatedBatch(dense.images, dense.evaluated, workers: .serial)
      let sound = try CertifiedNetwork(dense.evaluated, .sound).radii(batch).map(\.radius)
      let local = try CertifiedNetwork(dense.evaluated, .local).radii(batch).map(\.radius)
      for (before, after) in zip(sound, local) {
        #expect(after == before || before < after && after == target.value.nextUp)
        if after > before { proved += 1 }
      }
      let rushed = EvaluatedNetwork(
        dense.evaluated.verified, localPlan: LocalPlan(mayGoOn: { false }))
      let none = try CertifiedNetwork(rushed, .local).radii(
        EvaluatedBatch(dense.images, rushed, workers: .serial))
      #expect(none.map(\.radius) == sound)
    }
    #expect(proved > 0)
  }

  @Test("what is found does not depend on the number of threads")
  func threads() throws {
    let dense = try Dense(4, count: 20, plan: LocalPlan(goal: .radius, steps: 30))
    func radii(_ threads: Int) throws -> [Double] {
      try CertifiedNetwork(dense.evaluated, .local).certify(
        dense.images, workers: Workers(threads: threads)
      ).radii
    }
    #expect(try radii(1) == radii(3))
  }

  @Test("the search's D is the proof's but for binary32's rounding, and descends")
  func search() throws {
    // The proof is asked only where D is below the margin, which it may be above in the first steps.
    let margin = 64.0
    for seed in 0..<UInt64(8) {
      let dense = try Dense(seed, count: 1, plan: LocalPlan())
      let local = try LocalNetwork(dense.evaluated)
      let preactivations = local.preactivations(dense.images.converted())
      let bound = LocalBound(local, preactivations: preactivations, pair: (0, 1))
      var settings = LocalSearch.Settings()
      settings.steps = 40
      var values: [Double] = []
      let result = LocalSearch(local, settings).run(
        [
          LocalProblem(
            preactivations: preactivations, pair: (0, 1), radius: 0.5,
            margin: margin, featureDistance: 0.3)
        ]
      ) { _, multipliers in
        values.append(
          bound.decreaseUpperBound(radius: 0.5, featureDistance: 0.3, multipliers))
        return false
      }[0]
      let least = try #require(values.min())
      #expect(result.steps == nil, "seed \(seed)")
      // Sums of a few hundred binary32 numbers of D's magnitude.
      #expect(abs(result.least * margin - least) <= 1e-5 * max(1, values[0]), "seed \(seed)")
      #expect(least < 0.9 * values[0], "seed \(seed)")
    }
  }

  @Test("a head that chooses among features has its sound radii")
  func choosing() throws {
    var configuration = ModelRecipe(
      convolutionLayers: 1, channels: 4, convolutionInner: 3, linearLayers: 1, linearInner: 6,
      head: .max, classes: 3, image: ImageShape(channels: 2, height: 4, width: 2))
    configuration.pooling = 2
    let network = CPLNetwork<Float>(
      configuration.layers(mean: [0.4, 0.5], standardDeviation: [1, 1]), seed: 3)
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    let evaluated = EvaluatedNetwork(verified, localPlan: LocalPlan(goal: .radius))
    let batch = EvaluatedBatch(
      SampleNetworks.images(network, count: 6, seed: 3), evaluated, workers: .serial)
    #expect(
      try CertifiedNetwork(evaluated, .local).radii(batch).map(\.radius)
        == CertifiedNetwork(evaluated, .sound).radii(batch).map(\.radius))
  }
}
