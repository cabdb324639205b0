// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An image as a vector of features. Lipschitz constant 1.
public struct Flatten<Scalar: TensorScalar>: ParameterFreeLayer {
  public let name: String
  public let image: ImageShape

  public init(name: String, image: ImageShape) {
    self.name = name
    self.image = image
  }

  public var inputShape: [Int] { image.extents }
  public var outputShape: [Int] { [image.count] }
  public var specification: LayerSpecification { .flatten(image: image) }

  public func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    return (input.reshaped([batch] + outputShape), NothingKept())
  }

  public func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    return outputGradient.reshaped([batch] + inputShape)
  }
}

extension Flatten: FeatureLayer {}
