// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// What a network makes of some images, in either precision: each is computed when it is first asked
/// for, and shared by all that look at the images.
package final class EvaluatedBatch: Sendable {
  /// N×C×H×W.
  package let images: Tensor<Float>
  private let network: EvaluatedNetwork
  package let workers: Workers
  private let narrow: Once<Tensor<Float>>
  private let wide: Once<Tensor<Double>>

  /// - Parameters:
  ///   - binary32: the logits of the images in binary32, where they are known.
  ///   - binary64: the same in binary64.
  package init(
    _ images: Tensor<Float>, _ network: EvaluatedNetwork, binary32: Tensor<Float>? = nil,
    binary64: Tensor<Double>? = nil, workers: Workers
  ) {
    self.images = images
    self.network = network
    self.workers = workers
    narrow = Once(binary32)
    wide = Once(binary64)
  }

  /// The logits N×classes of the binary32 network.
  package var binary32: Tensor<Float> {
    narrow { network.binary32.logits(images, workers: workers) }
  }

  /// The logits N×classes of the binary64 network; binary32 images are binary64 numbers as they are.
  package var binary64: Tensor<Double> {
    wide { network.binary64.logits(images.converted(), workers: workers) }
  }

  /// For each image the class that is computed for it; −1 where a logit is not finite.
  package func predictions(in arithmetic: CertifiedArithmetic) -> [Int] {
    arithmetic == .binary32 ? binary32.rowMaxima : binary64.rowMaxima
  }

  /// For each image its largest binary32 logit minus the next; NaN where a logit is not finite.
  package var margins: [Double] {
    binary32.rowMaxima.enumerated().map { image, predicted in
      guard predicted >= 0 else { return .nan }
      let sorted = binary32.row(image).sorted(by: >)
      return sorted.count > 1 ? Double(sorted[0]) - Double(sorted[1]) : .infinity
    }
  }

  /// Some of the images, with what is known of them.
  package func rows(_ positions: [Int]) -> EvaluatedBatch {
    EvaluatedBatch(
      images.rows(positions), network, binary32: narrow.made?.rows(positions),
      binary64: wide.made?.rows(positions), workers: workers)
  }

  /// What is known of the images.
  package var known: (binary32: Tensor<Float>?, binary64: Tensor<Double>?) {
    (narrow.made, wide.made)
  }
}
