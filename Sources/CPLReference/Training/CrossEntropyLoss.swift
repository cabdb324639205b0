// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// The cross-entropy of softmax((z − u·e_y)/t) against the label y, times t,
///
///     ℓ = t · log Σ_j exp(a_j/t) − a_y,   a = z − u·e_y,
///
/// averaged over a batch, summed in the order of `BatchTree` (Prach and Lampert, ECCV 2022, section 4.3). Its gradient
/// with respect to the logits is no longer than √2 whatever t is.
///
/// Computed in binary64, with the C library's exponential and logarithm, and rounded once.
package struct CrossEntropyLoss: TrainingLoss {
  /// u: what the label's logit is lowered by.
  package let offset: Double
  /// t.
  package let temperature: Double

  package init(offset: Double, temperature: Double) {
    self.offset = offset
    self.temperature = temperature
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func sum<Scalar: TensorScalar>(
    _ logits: Tensor<Scalar>, labels: [Int], batch: Int
  ) -> (sum: Scalar, gradient: Tensor<Scalar>) {
    let (images, classes) = (logits.shape[0], logits.shape[1])
    precondition(labels.count == images, "a label for each image")
    var gradient = Tensor<Scalar>(shape: logits.shape)
    var powers = [Double](repeating: 0, count: classes)

    /// Puts the gradient of an image's loss into its place, and returns the loss.
    func follow(_ image: Int) -> Scalar {
      let (first, label) = (image * classes, labels[image])
      for index in 0..<classes {
        powers[index] = Double(logits.elements[first + index]) - (index == label ? offset : 0)
      }
      let (own, largest) = (powers[label], powers.reduce(-Double.infinity) { max($0, $1) })
      var total = 0.0
      for index in 0..<classes {
        powers[index] = exp((powers[index] - largest) / temperature)
        total += powers[index]
      }
      for index in 0..<classes {
        let share = powers[index] / total - (index == label ? 1 : 0)
        gradient.elements[first + index] = Scalar(share / Double(batch))
      }
      return Scalar(temperature * log(total) + (largest - own))
    }

    let sum = BatchTree.sum(images) { images in images.reduce(0) { $0 + follow($1) } }
    return (sum, gradient)
  }
}
