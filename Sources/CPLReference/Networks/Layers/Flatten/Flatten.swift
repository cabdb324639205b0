// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An image as a vector of features. Lipschitz constant 1.
package struct Flatten<Scalar: TensorScalar>: ParameterFreeLayer {
  package let name: String
  package let image: ImageShape

  package init(name: String, image: ImageShape) {
    self.name = name
    self.image = image
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { [image.count] }
  package var specification: LayerSpecification { .flatten(image: image) }

  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    return (input.reshaped([batch] + outputShape), NothingKept())
  }

  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    return outputGradient.reshaped([batch] + inputShape)
  }
}

extension Flatten: FeatureLayer {}
