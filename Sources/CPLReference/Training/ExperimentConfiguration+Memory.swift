// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

extension ExperimentConfiguration {
  /// A lower bound of the bytes that training on so many images takes: each weight, its gradient
  /// and what the optimiser keeps of it, what layers derive from it, and for the images of a step the
  /// input of every layer with weights.
  ///
  /// It cannot overflow for a model whose `problem` is nil.
  package func minimumMemory(images: Int) -> Int {
    let layers = model.layers
    let weights = layers.flatMap(\.parameterShapes).reduce(0) { $0 + Self.count($1.shape) }
    let inputs = layers.filter { $0.value is any WeightedKind }.reduce(0) {
      $0 + Self.count($1.value.shapes?.input ?? [])
    }
    let moments = training.optimizer == .adam ? 2.0 : 1
    let batch = min(training.batch, images)
    let derived = layers.reduce(0) {
      $0 + $1.value.derivedNumbers(pieces: BatchTree.pieces(of: batch))
    }
    let numbers = (2 + moments) * weights + derived + Double(batch) * inputs
    return Int(min(Double(MemoryLayout<Float>.size) * numbers, 0x1p62))
  }

  private static func count(_ shape: [Int]) -> Double { shape.reduce(1) { $0 * Double($1) } }
}
