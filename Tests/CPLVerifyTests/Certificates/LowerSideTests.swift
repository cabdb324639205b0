// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("The lower side of a network's Lipschitz constant")
struct LowerSideTests {
  @Test(
    "it never exceeds the upper side, nor falls short of what two images show, whatever the network",
    arguments: 0..<40 as Range<UInt64>)
  func enclosed(seed: UInt64) throws {
    let verified = try SampleNetworks.random(seed)
    let images = SampleNetworks.images(verified.network, count: 3, seed: seed)
    let lower = try verified.lipschitzLowerBound(at: images, workers: .serial)
    #expect(lower <= verified.bounds.lipschitzUpperBound)
    let network = verified.network.converted(to: Double.self)
    let features = network.features(images.converted(), workers: .serial)
    // How far rounding can move a feature vector; what is proved leaves that much out of account.
    let error = try FeatureErrorBound(
      network, spectralNorms: verified.bounds.layers.map(\.spectralNorm)
    ).error
    func distance<Scalar: TensorScalar>(_ points: Tensor<Scalar>, _ one: Int, _ two: Int) -> Double
    {
      let size = points.count / points.shape[0]
      return (0..<size).reduce(0.0) { sum, element in
        let difference =
          Double(points.elements[one * size + element])
          - Double(points.elements[two * size + element])
        return sum + difference * difference
      }.squareRoot()
    }
    for (one, two) in [(0, 1), (0, 2), (1, 2)] {
      // Sums of at most 1000 squares: relative errors below 1e-12.
      let shown =
        (distance(features, one, two) * (1 - 1e-12) - 2 * error) / distance(images, one, two)
      #expect(lower >= shown, "\(shown)")
    }
  }

  @Test("it reaches the upper side where a pair of images attains the constant")
  func attained() throws {
    // (x − 0.3)/0.5 and a pooling that keeps the norm of images that are constant in each window.
    let configuration = ModelRecipe(
      convolutionLayers: 0, channels: 3, linearLayers: 0, linearInner: 1, image: [3, 8, 8])
    let network = CPLNetwork<Float>(
      configuration.layers(mean: [0.3, 0.3, 0.3], standardDeviation: [1, 0.5, 2]), seed: 1)
    let verified = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
    let images = SampleNetworks.images(network, count: 4, seed: 1)
    let lower = try verified.lipschitzLowerBound(at: images, workers: .serial)
    #expect(verified.bounds.lipschitzUpperBound == 2)
    // 2e over the least distance that is tried, and binary32 images on the pair's line.
    #expect(lower > 2 * (1 - 1e-4))
  }

  @Test("it finds a layer that expands")
  func expanding() throws {
    var configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, linearLayers: 1, linearInner: 8, image: [3, 8, 8])
    configuration.stepNumerator = 8
    let network = CPLNetwork<Float>(
      configuration.layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 4)
    let verified = try VerifiedNetwork(network, profile: .published, workers: .serial) { _, _ in }
    let images = SampleNetworks.images(network, count: 4, seed: 2)
    let lower = try verified.lipschitzLowerBound(at: images, workers: .serial)
    #expect(verified.bounds.modelClaim == 1)
    #expect(lower > 1)
    #expect(lower <= verified.bounds.lipschitzUpperBound)
  }
}
