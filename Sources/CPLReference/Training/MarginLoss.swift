// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The multi-class margin loss of section 6 of the paper,
///
///     ℓ = (1/classes) Σ_{j≠y} max(0, margin − z_y + z_j),
///
/// averaged over a batch, summed in the order of `BatchTree`.
package struct MarginLoss: TrainingLoss {
  /// The margin below which a class counts against the label.
  package let margin: Double

  package init(margin: Double) { self.margin = margin }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func sum<Scalar: TensorScalar>(
    _ logits: Tensor<Scalar>, labels: [Int], batch: Int
  ) -> (sum: Scalar, gradient: Tensor<Scalar>) {
    let (images, classes) = (logits.shape[0], logits.shape[1])
    precondition(labels.count == images, "a label for each image")
    var gradient = Tensor<Scalar>(shape: logits.shape)
    let share = 1 / Scalar(classes * batch)

    /// Puts the gradient of an image's loss into its place, and returns the loss.
    func follow(_ image: Int) -> Scalar {
      let first = image * classes
      let label = first + labels[image]
      var imageLoss: Scalar = 0
      for index in first..<first + classes where index != label {
        let excess = Scalar(margin) - logits.elements[label] + logits.elements[index]
        guard !(excess <= 0) else { continue }
        imageLoss += excess
        gradient.elements[index] = share
        gradient.elements[label] -= share
      }
      return imageLoss / Scalar(classes)
    }

    let sum = BatchTree.sum(images) { images in images.reduce(0) { $0 + follow($1) } }
    return (sum, gradient)
  }
}
