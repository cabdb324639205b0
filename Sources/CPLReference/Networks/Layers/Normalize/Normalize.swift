// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// (x − mean)/std, channel by channel. Lipschitz constant 1/min std.
///
/// Mean and standard deviation are binary32 numbers in both precisions.
package struct Normalize<Scalar: TensorScalar>: ParameterFreeLayer {
  package let name: String
  package let mean: [Float]
  package let standardDeviation: [Float]
  package let image: ImageShape

  package init(name: String, mean: [Float], standardDeviation: [Float], image: ImageShape) {
    precondition(
      mean.count == image.channels && standardDeviation.count == image.channels,
      "one mean and one deviation a channel")
    self.name = name
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.image = image
  }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { inputShape }

  package var specification: LayerSpecification {
    .normalize(mean: mean, standardDeviation: standardDeviation, image: image)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var output = consume input
    forEachPlane(of: &output) { channel, plane in
      let (mean, deviation) = (Scalar(mean[channel]), Scalar(standardDeviation[channel]))
      for pixel in 0..<image.planeCount { plane[pixel] = (plane[pixel] - mean) / deviation }
    }
    return (output, NothingKept())
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = consume outputGradient
    forEachPlane(of: &gradient) { channel, plane in
      let deviation = Scalar(standardDeviation[channel])
      for pixel in 0..<image.planeCount { plane[pixel] /= deviation }
    }
    return gradient
  }

  @inline(__always)
  private func forEachPlane(
    of batch: inout Tensor<Scalar>, _ body: (_ channel: Int, UnsafeMutablePointer<Scalar>) -> Void
  ) {
    let planes = batch.shape[0] * image.channels
    batch.withUnsafeMutableElements { images in
      for plane in 0..<planes { body(plane % image.channels, images + plane * image.planeCount) }
    }
  }
}

extension Normalize: FeatureLayer {
  /// The Jacobian is diagonal: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}
