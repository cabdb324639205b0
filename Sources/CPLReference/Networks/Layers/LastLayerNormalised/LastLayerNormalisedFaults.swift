// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics

extension LastLayerNormalisedKind {
  package static let faults = [
    PlantedLayerFault(
      "rows-not-normalised", "head rows not normalised", ["layer.constants"]
    ) { UnnormalisedRows() },
    PlantedLayerFault(
      "root-two-on-lln", "√2 rule on a normalised last layer", ["certificate.rule"]
    ) { WrongMargins(rule: .vectorMap) },
    PlantedLayerFault(
      "margins-of-one", "‖q_c − q_j‖ replaced by 1", ["certificate.rule", "certificate.valid"]
    ) { WrongMargins(rule: .one) },
  ]
}

/// A last layer that uses its rows as they are stored.
struct UnnormalisedRows: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is LastLayerNormalisedKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    guard let head = layer as? LastLayerNormalised<Scalar> else { return (output, cache) }
    let (norms, bias) = (head.normalized.norms, head.bias.elements)
    let logits = output.elements.enumerated().map { index, logit in
      let label = index % head.classes
      return norms[label] * (logit - bias[label]) + bias[label]
    }
    output = Tensor(shape: output.shape, elements: logits)
    return (output, cache)
  }
}

/// The constants of a normalised last layer's margins, wrong.
struct WrongMargins: LayerFault {
  enum Rule { case vectorMap, one }
  let rule: Rule

  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is LastLayerNormalisedKind
  }

  /// Without rows the head counts as a 1-Lipschitz vector map, whose margins have the constant √2;
  /// rows along different axes, divided by √2, are 1 apart.
  func unitRows<Scalar: TensorScalar>(
    _ head: any ClassificationHead<Scalar>
  ) -> Tensor<Scalar>? {
    guard rule == .one else { return nil }
    let classes = head.outputShape[0]
    var rows = Tensor<Scalar>(shape: [classes, classes])
    for label in 0..<classes {
      rows.elements[label * (classes + 1)] = Scalar(0.5).squareRoot()
    }
    return rows
  }

  func lipschitzUpperBound<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}
