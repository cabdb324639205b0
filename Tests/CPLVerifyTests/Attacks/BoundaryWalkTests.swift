// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("The walk along the decision boundary")
struct BoundaryWalkTests {
  /// Images, and points where DeepFool's steps towards the runner-up leave their class.
  private static func starts(_ target: AttackTarget) -> [(
    image: [Float], label: Int, start: [Float]
  )] {
    let images = SampleNetworks.images(target.network, count: 24, seed: 9)
    let logits = target.network.logits(images, workers: .serial)
    let labels = logits.rowMaxima
    var searches = labels.indices.map { position in
      let row = logits.row(position).map { $0 }
      let others = row.indices.filter { $0 != labels[position] }
      return DeepFoolSearch(
        images.row(position), label: labels[position], target: others.max { row[$0] < row[$1] }!)
    }
    target.network.drive(&searches, workers: .serial)
    return searches.indices.compactMap { position in
      searches[position].adversarial.map { (Array(images.row(position)), labels[position], $0) }
    }
  }

  @Test("each point it keeps is of another class, in the box, and nearer than the one before")
  func nearerAndNearer() throws {
    let target = try AttackContractTests.target()
    let starts = Self.starts(target)
    #expect(starts.count >= 12)
    var moved = 0
    for (image, label, start) in starts {
      var walk = [BoundaryWalk(image, start: start, label: label, iterations: 30)]
      var distances: [Double] = []
      while !walk[0].isOver {
        target.network.advance(&walk, [0], withGradient: true, workers: .serial)
        if walk[0].distance != distances.last { distances.append(walk[0].distance) }
      }
      let found = try #require(walk[0].adversarial)
      #expect(zip(distances, distances.dropFirst()).allSatisfy { $0 > $1 })
      #expect(found.allSatisfy { (0...1).contains($0) })
      let shape = [1] + target.network.inputShape
      let logits = target.network.logits(Tensor(shape: shape, elements: found), workers: .serial)
      #expect(logits.rowMaxima[0] != label)
      if distances.last! < 0.99 * distances[0] { moved += 1 }
    }
    #expect(moved >= starts.count / 4, "\(moved) of \(starts.count) came nearer by over 1 %")
  }

  @Test("from an image of the label itself there is nothing to walk along")
  func noStart() throws {
    let target = try AttackContractTests.target()
    let images = SampleNetworks.images(target.network, count: 1, seed: 9)
    let label = target.network.logits(images, workers: .serial).rowMaxima[0]
    var walk = [
      BoundaryWalk(images.row(0), start: Array(images.row(0)), label: label, iterations: 30)
    ]
    target.network.drive(&walk, workers: .serial)
    #expect(walk[0].adversarial == nil && walk[0].forwardPasses == 1)
  }
}
