// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

/// A network in binary64, images, and what torchattacks did with them.
private struct Recording {
  static let radius = 36.0 / 255
  let group: String
  let network: CPLNetwork<Double>
  let images: Tensor<Double>
  let labels: [Int]

  init(_ group: String) throws {
    self.group = group
    images = try Fixture.attacks().readTensor(of: Float.self, from: "/\(group)/images").converted()
    labels = try Self.integers("/\(group)/labels")
    let side = images.shape[2]
    func tensor(_ name: String) throws -> Tensor<Double> {
      try Fixture.attacks().readTensor(of: Float.self, from: "/\(group)/network/\(name)")
        .converted()
    }
    func step(_ name: String) throws -> Double {
      try Fixture.attacks().read(Double.self, from: "/\(group)/network/\(name)/step").elements[0]
    }
    let kernels = try (0..<2).map { try tensor("stable_block.\($0)/kernel") }
    let channels = kernels[0].shape[1]
    let features = channels * (side / 4) * (side / 4)
    network = CPLNetwork(
      layers: [
        Normalize(
          name: "normalize", mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1],
          image: [3, side, side]),
        PaddingChannels(
          name: "padding", padding: .zero, image: [3, side, side], channels: channels),
      ]
        + (try kernels.enumerated().map { index, kernel in
          CPLConvolution(
            name: "convolution.\(index)", kernel: kernel,
            bias: try tensor("stable_block.\(index)/bias"), height: side, width: side,
            stepRule: .fixed,
            stepSize: try step("stable_block.\(index)"),
            powerVector: Tensor(shape: [channels, side, side]))
        }) + [
          NormPool(name: "norm-pool", image: [channels, side, side], window: 4),
          Flatten(name: "flatten", image: [channels, side / 4, side / 4]),
          CPLLinear(
            name: "linear.0", weights: try tensor("layers_linear.1/weights"),
            bias: try tensor("layers_linear.1/bias"), stepRule: .fixed,
            stepSize: try step("layers_linear.1"), powerVector: Tensor(shape: [features])),
          LastLayerNormalised(
            name: "head", weights: try tensor("last_last/weight"),
            bias: try tensor("last_last/bias")),
        ])
  }

  static func integers(_ path: String) throws -> [Int] {
    try Fixture.attacks().read(Int32.self, from: path).elements.map { Int($0) }
  }

  func tensor(_ image: Int, _ name: String) throws -> Tensor<Double> {
    try Fixture.attacks().readTensor(from: "/\(group)/\(image)/\(name)")
  }

  func ball(_ image: Int) -> Ball<Double> {
    Ball(center: images.row(image), radius: Self.radius)
  }
}

/// Both sides compute in binary64, whose rounding a hundred steps do not carry beyond this unless they
/// take another branch.
private let tolerance = 1e-8

private func difference(_ a: [Double], _ b: ArraySlice<Double>) -> Double {
  zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
}

@Suite("Attacks go where torchattacks goes, in binary64, with the same start noise")
struct AttackParityTests {
  @Test("APGD, every iterate of 100 steps", arguments: [0, 1], ["apgd-ce", "apgd-dlr", "apgd-t"])
  func autoPGD(image: Int, name: String) throws {
    let recording = try Recording("gradient")
    let loss: AutoPGDLoss =
      switch name {
      case "apgd-ce": .crossEntropy
      case "apgd-dlr": .differenceOfLogitsRatio
      default:
        .targetedDifferenceOfLogitsRatio(
          target: try Recording.integers("/gradient/\(image)/target")[0])
      }
    let iterates = try recording.tensor(image, "\(name)/iterates")
    var searches = [
      AutoPGDSearch(
        recording.ball(image), label: recording.labels[image], loss: loss,
        noise: try recording.tensor(image, "\(name)/noise").elements)
    ]
    let firstStep = searches[0].stepSize
    for iteration in 0..<iterates.shape[0] {
      let gap = difference(searches[0].point, iterates.row(iteration))
      try #require(gap <= tolerance, "iteration \(iteration)")
      recording.network.advance(&searches, [0], withGradient: true, workers: .serial)
    }
    #expect(searches[0].stepSize < firstStep, "the recording has halved steps")
  }

  @Test("FAB-T, every point of 20 steps", arguments: [0, 1])
  func fastAdaptiveBoundary(image: Int) throws {
    let recording = try Recording("gradient")
    let points = try recording.tensor(image, "fab-t/points")
    var searches = [
      FABSearch(
        recording.images.row(image), label: recording.labels[image],
        target: try Recording.integers("/gradient/\(image)/target")[0], steps: 20)
    ]
    var visited: [[Double]] = []
    while !searches[0].isOver {
      if visited.last != searches[0].point { visited.append(searches[0].point) }
      recording.network.advance(
        &searches, [0], withGradient: searches[0].wantsGradient, workers: .serial)
    }
    try #require(visited.count == points.shape[0])
    for (index, point) in visited.enumerated() {
      #expect(difference(point, points.row(index)) <= tolerance, "point \(index)")
    }
    #expect(searches[0].adversarial != nil)
  }

  @Test("Square, which of 200 queries are accepted", arguments: [0, 1])
  func square(image: Int) throws {
    let recording = try Recording("square")
    let group = "/square/\(image)"
    let corners = try Recording.integers("\(group)/corners")
    let transposed = try Recording.integers("\(group)/transposed")
    let flips = try Recording.integers("\(group)/flips")
    let accepted = try Recording.integers("\(group)/accepted")
    let tiles = 25
    let bumps = transposed.indices.map { index in
      SquareProposal.Bump(
        isTransposed: transposed[index] == 1, flips: (0..<3).map { flips[index * 3 + $0] == 1 })
    }
    var searches = [
      SquareSearch(
        recording.ball(image), label: recording.labels[image], shape: [3, 16, 16], queries: 200,
        start: Array(bumps.prefix(tiles))
      ) { query, _ in
        let corner = Array(corners[query * 4..<query * 4 + 4])
        return SquareProposal(
          receiving: (corner[0], corner[1]), emptied: (corner[2], corner[3]),
          bump: bumps[tiles + query])
      }
    ]
    var sequence: [Int] = []
    while !searches[0].isOver {
      recording.network.advance(&searches, [0], withGradient: false, workers: .serial)
      sequence.append(searches[0].isAccepted ? 1 : 0)
    }
    #expect(sequence == accepted)
    #expect(accepted.reduce(0, +) > 5, "the recording has accepted queries")
    #expect(
      difference(searches[0].best, try recording.tensor(image, "best").elements[...]) <= tolerance)
  }
}
