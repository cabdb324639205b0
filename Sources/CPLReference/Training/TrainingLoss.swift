// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A loss of logits, averaged over a batch whose images are summed in the order of `BatchTree`.
package protocol TrainingLoss: Sendable {
  /// For images of a batch of so many: the sum of their losses, and the gradient of the batch's loss with
  /// respect to their logits, N×classes.
  func sum<Scalar: TensorScalar>(
    _ logits: Tensor<Scalar>, labels: [Int], batch: Int
  ) -> (sum: Scalar, gradient: Tensor<Scalar>)
}

extension TrainingLoss {
  /// The loss of logits N×classes, and its gradient with respect to them.
  package func callAsFunction<Scalar: TensorScalar>(
    _ logits: Tensor<Scalar>, labels: [Int]
  ) -> (loss: Scalar, gradient: Tensor<Scalar>) {
    let (sum, gradient) = sum(logits, labels: labels, batch: labels.count)
    return (sum / Scalar(labels.count), gradient)
  }
}
