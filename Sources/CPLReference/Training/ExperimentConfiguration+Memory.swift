// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

extension ExperimentConfiguration {
  /// How many images of a step, of a training on so many, go through the network at once: all of them where
  /// `minimumMemory` leaves half of the memory for what it does not count, else 8·2^k, which are subtrees of
  /// `BatchTree`; nil where not even 8 fit into the memory. It changes the time that a step takes, and no bits.
  package func imagesAtOnce(of images: Int, memory: Int) -> Int? {
    let step = min(training.batch, images)
    guard minimumMemory(imagesAtOnce: step) > memory / 2 else { return step }
    var fitting = BatchTree.imagesPerPiece
    guard minimumMemory(imagesAtOnce: min(fitting, step)) <= memory else { return nil }
    while 2 * fitting < step, minimumMemory(imagesAtOnce: 2 * fitting) <= memory / 2 {
      fitting *= 2
    }
    return fitting
  }

  /// A lower bound of the bytes that training takes with so many images at once: each weight, its gradient
  /// and what the optimiser keeps of it, what layers derive from it, and for the images the input of every
  /// layer with weights.
  ///
  /// It cannot overflow for a model whose `problem` is nil.
  package func minimumMemory(imagesAtOnce images: Int) -> Int {
    let layers = model.layers
    let weights = layers.flatMap(\.parameterShapes).reduce(0) { $0 + Self.count($1.shape) }
    let inputs = layers.filter { $0.value is any WeightedKind }.reduce(0) {
      $0 + Self.count($1.value.shapes?.input ?? [])
    }
    let moments = training.optimizer == .adam ? 2.0 : 1
    let derived = layers.reduce(0) {
      $0 + $1.value.derivedNumbers(pieces: BatchTree.pieces(of: images))
    }
    let numbers = (2 + moments) * weights + derived + Double(images) * inputs
    return Int(min(Double(MemoryLayout<Float>.size) * numbers, 0x1p62))
  }

  private static func count(_ shape: [Int]) -> Double { shape.reduce(1) { $0 * Double($1) } }
}
