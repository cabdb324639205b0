// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension LastLayerNormalised: LogitErrorBoundedHead {
  /// The rows q_i are the ones that are executed; their own rounding is no error.
  package func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    var bounds: [Double] = []
    for index in 0..<classes {
      let row = normalized.rows.elements[index * features..<(index + 1) * features]
      bounds.append(
        try ForwardErrorBound.logit(
          norm: norm, rowNorm: EuclideanNorm.upperBound(row.map { Double($0) }),
          bias: Double(bias.elements[index]), features: features, in: BinaryFormat(Scalar.self)))
    }
    return bounds
  }
}
