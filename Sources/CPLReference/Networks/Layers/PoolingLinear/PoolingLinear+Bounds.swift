// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

extension PoolingLinear: LipschitzBoundedLayer {
  /// A selection of coordinates has norm 1; so has the largest of disjoint groups, each output of
  /// which moves by at most the largest move in its group.
  package func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double {
    guard pooling == .mean else { return 1 }
    return try LipschitzBound.meanPooling(group: groupSize, factor: Double(meanFactor))
  }
}

extension PoolingLinear: LogitErrorBoundedHead {
  /// A choice of features is exact.
  package func logitErrorBounds(norm: Double) throws(VerificationError) -> [Double] {
    guard pooling == .mean else { return Array(repeating: 0, count: classes) }
    let bound = try ForwardErrorBound.meanLogit(
      norm: norm, lipschitz: lipschitzUpperBound(nil), factor: Double(meanFactor),
      group: groupSize, in: BinaryFormat(Scalar.self))
    return Array(repeating: bound, count: classes)
  }
}
