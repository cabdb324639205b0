// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The last layer of a classifier: one logit a class.
public protocol ClassificationHead<Scalar>: Layer {
  /// The unit rows q_i, classes×d, of a head Q x + b, whose margin between the classes i and j has
  /// the Lipschitz constant ‖q_i − q_j‖; nil for a head that is bounded as a vector map, whose
  /// margins have the constant √2 times that of the map.
  var unitRows: Tensor<Scalar>? { get }
}
