// SPDX-License-Identifier: Apache-2.0

extension NormPoolKind {
  package static let faults = [
    PlantedLayerFault(
      "pooling-by-three", "pooling divided by 3 instead of 4", ["layer.constants"]
    ) { ScaledOutput(factor: 4.0 / 3) { ($0.value as? NormPoolKind)?.window == 4 } }
  ]
}
