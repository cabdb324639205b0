// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

/// How ranks share training steps: each takes images of every batch, and the gradients, moments and updates
/// of some layers.
///
/// A rank's images are subtrees of `BatchTree`, as few as its share allows, so that what it sums is part of
/// the one tree. The sums of a layer meet at the rank that the layer belongs to, which adds them as the tree
/// does, and sends the updated parameters to all. While there are as many large layers as ranks, a rank sends,
/// and receives, less than the sums and the parameters once each.
struct SharedStep {
  private let ranks: any Ranks
  /// The rank that each layer belongs to.
  private let owners: [Int]
  /// The shapes of each layer's sums over a batch: `LayerGradient.tensors`.
  private let shapes: [[[Int]]]

  /// Layers go, the largest first, to the rank that has the fewest parameters by then.
  init(_ network: CPLNetwork<Float>, among ranks: any Ranks) {
    self.ranks = ranks
    guard ranks.count > 1 else {
      (owners, shapes) = (network.layers.map { _ in 0 }, [])
      return
    }
    let sizes = network.layers.map { $0.parameters.reduce(0) { $0 + $1.value.count } }
    var owners = [Int](repeating: 0, count: sizes.count)
    var loads = [Int](repeating: 0, count: ranks.count)
    for layer in sizes.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
      owners[layer] = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) }!
      loads[owners[layer]] += sizes[layer]
    }
    self.owners = owners
    // A rank without images in a batch has no sums to see them from.
    shapes = network.lossSums(
      images: Tensor(shape: [1] + network.inputShape), labels: [0], loss: MarginLoss(margin: 1),
      batch: 1, workers: .serial
    ).layers.map { $0.tensors.map(\.shape) }
  }

  /// Whether a layer belongs to this rank.
  private func isOwn(_ layer: Int) -> Bool { owners[layer] == ranks.rank }

  // MARK: Images

  /// The images of a batch of so many whose sums this rank makes, those of a subtree each.
  func blocks(of images: Int) -> [Range<Int>] {
    subtrees(of: images)[ranks.rank].map {
      $0.lowerBound
        * BatchTree.imagesPerPiece..<min(images, $0.upperBound * BatchTree.imagesPerPiece)
    }
  }

  /// The pieces of every rank's subtrees.
  private func subtrees(of images: Int) -> [[Range<Int>]] {
    let pieces = BatchTree.pieces(of: images)
    return (0..<ranks.count).map {
      BatchTree.subtrees(of: ranks.share(of: pieces, for: $0), in: pieces)
    }
  }

  // MARK: Sums

  /// Adds what all ranks have summed over a batch.
  ///
  /// - Parameter sums: what this rank has, a block each.
  /// - Returns: the sum of the losses, and the sums of each layer that belongs to this rank; nil for others.
  func total(
    _ sums: consuming [LossSums<Float>], of images: Int
  ) -> (loss: Float, layers: [LayerGradient<Float>?]) {
    guard ranks.count > 1 else { return (sums[0].loss, sums[0].layers) }
    let subtrees = subtrees(of: images)
    let blocks = subtrees.flatMap(\.self)
    var losses = ranks.gather(sums.map(\.loss)).flatMap(\.self)
    BatchTree.forEachAddition(of: blocks) { losses[$0] += losses[$1] }
    let messages = sums.flatMap { block in
      owners.indices.filter { !isOwn($0) }.flatMap { layer in
        block.layers[layer].tensors.map { ($0, to: owners[layer]) }
      }
    }
    var own = sums.map { block in owners.indices.map { isOwn($0) ? block.layers[$0] : nil } }
    // Held by `own` alone, tensors are added to in place.
    sums = []
    var parts = ranks.send(messages) {
      subtrees.enumerated().flatMap { rank, subtrees in
        rank == ranks.rank ? own : subtrees.map { _ in receiveSums(from: rank) }
      }
    }
    own = []
    BatchTree.forEachAddition(of: blocks) { sum, addend in
      for layer in owners.indices {
        guard let addition = parts[addend][layer].take() else { continue }
        parts[sum][layer]!.add(addition)
      }
    }
    return (losses[0], parts[0])
  }

  /// Another rank's sums of one block, for the layers of this rank.
  private func receiveSums(from rank: Int) -> [LayerGradient<Float>?] {
    owners.indices.map { layer in
      guard isOwn(layer) else { return nil }
      return LayerGradient(tensors: shapes[layer].map { ranks.receive(shape: $0, from: rank) })
    }
  }

  // MARK: Updates

  /// Sends the parameters of this rank's layers to all others, and takes theirs.
  func spreadParameters(_ network: inout CPLNetwork<Float>) {
    guard ranks.count > 1 else { return }
    let own = network.layers.indices.filter(isOwn).flatMap {
      network.layers[$0].parameters.map(\.value)
    }
    spread(own) {
      for layer in network.layers.indices where !isOwn(layer) {
        network.layers[layer].updateParameters { _, value in
          ranks.receive(into: &value, from: owners[layer])
        }
      }
    }
  }

  /// The same of the optimiser's moments, which until then each rank has of its own layers alone.
  func spreadMoments(_ state: inout TrainingState) {
    guard ranks.count > 1 else { return }
    let owners = zip(owners, state.network.layers).flatMap { owner, layer in
      layer.parameters.map { _ in owner }
    }
    for list in state.optimizer.moments.indices {
      var moments = state.optimizer.moments[list]
      spread(owners.indices.filter { owners[$0] == ranks.rank }.map { moments[$0] }) {
        for (position, owner) in owners.enumerated() where owner != ranks.rank {
          ranks.receive(into: &moments[position], from: owner)
        }
      }
      state.optimizer.moments[list] = moments
    }
  }

  /// Sends tensors to all others while `body` receives theirs.
  private func spread(_ tensors: [Tensor<Float>], while body: () -> Void) {
    let others = (0..<ranks.count).filter { $0 != ranks.rank }
    ranks.send(others.flatMap { other in tensors.map { ($0, to: other) } }, while: body)
  }
}
