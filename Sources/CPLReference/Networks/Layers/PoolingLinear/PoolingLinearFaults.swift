// SPDX-License-Identifier: Apache-2.0

extension PoolingLinearKind {
  package static let faults = [
    PlantedLayerFault(
      "root-two-missing", "√2 missing", ["certificate.rule", "layer.constants"]
    ) {
      // A head's margins have the constant √2 times of it.
      ClaimedConstant(
        kind: { $0.value is PoolingLinearKind }, claim: { $0 / 2.0.squareRoot() })
    }
  ]
}
