// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension Tensor {
  /// ‖x‖₂ ≤ the result.
  package var normUpperBound: Double { EuclideanNorm.upperBound(elements.map { Double($0) }) }

  /// ‖relu(x)‖₂ ≤ the result.
  package var positivePartNormUpperBound: Double {
    EuclideanNorm.upperBound(elements.map { max(0, Double($0)) })
  }
}
