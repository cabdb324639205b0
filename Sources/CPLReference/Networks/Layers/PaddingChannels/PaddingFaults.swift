// SPDX-License-Identifier: Apache-2.0

extension PaddingKind {
  package static let faults = [
    PlantedLayerFault(
      "clone-without-root", "clone padding without its square root", ["layer.constants"]
    ) {
      ScaledOutput(factor: 2.0.squareRoot()) { ($0.value as? PaddingKind)?.padding == .clone }
    }
  ]
}
