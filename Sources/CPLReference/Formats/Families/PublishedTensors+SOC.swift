// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

extension PublishedTensors {
  /// Takes a skew orthogonal convolution's filter and bias, as the published code of such layers stores and evaluates
  /// them (Singla and Feizi, ICML 2021):
  ///
  ///     K = c S/min(σ̂₁, σ̂₂, σ̂₃, σ̂₄),   σ̂ᵢ = Σ S uᵢ vᵢ
  ///
  /// with S the skew part of `random_conv_filter`, C×C×k×k, c the `correction`, and uᵢ, vᵢ what the power method has left
  /// of S as a matrix, of one kind for each i: v over some of S's four extents, u over the others. K is skew to the
  /// last bit.
  ///
  /// - Throws: `ReferenceError.invalid` for a tensor that is missing or of another shape, and where K is not finite.
  mutating func takeSkewConvolution(_ kind: SOCKind, at stem: String) throws -> [Tensor<Float>] {
    let (channels, kernel) = (kind.image.channels, kind.kernel)
    let shape = [channels, channels, kernel, kernel]
    let skew = SkewFilter<Float>.skewPart(
      try take(stem + "random_conv_filter", shape).converted())
    var estimate = Double.infinity
    for (index, extents) in [[1, 3], [1, 2], [1, 2, 3], [0, 2, 3]].enumerated() {
      let u = try take(
        stem + "u\(index + 1)", shape.indices.map { extents.contains($0) ? shape[$0] : 1 })
      let v = try take(
        stem + "v\(index + 1)", shape.indices.map { extents.contains($0) ? 1 : shape[$0] })
      estimate = min(estimate, Self.sum(skew, u, v))
    }
    let correction = Double(try take(stem + "correction", [1]).elements[0])
    let filter = skew.elements.map { Float(correction * $0 / estimate) }
    guard filter.allSatisfy(\.isFinite) else {
      throw dictionary.invalid(
        prefix + stem + "random_conv_filter",
        expected: "a filter that can be divided by the estimate of its norm",
        found: "the estimate \(estimate)")
    }
    return [Tensor(shape: shape, elements: filter), try take(stem + "bias", [channels])]
  }

  /// Σ S u v over the elements of S; where an extent of u or v is 1, its elements are the same along it.
  private static func sum(_ skew: Tensor<Double>, _ u: Tensor<Float>, _ v: Tensor<Float>) -> Double
  {
    func strides(_ shape: [Int]) -> [Int] {
      shape.indices.map { shape[$0] == 1 ? 0 : shape[($0 + 1)...].reduce(1, *) }
    }
    let (shape, uStrides, vStrides) = (skew.shape, strides(u.shape), strides(v.shape))
    var (sum, index) = (0.0, 0)
    for output in 0..<shape[0] {
      for input in 0..<shape[1] {
        let uChannel = output * uStrides[0] + input * uStrides[1]
        let vChannel = output * vStrides[0] + input * vStrides[1]
        for row in 0..<shape[2] {
          for column in 0..<shape[3] {
            sum +=
              skew.elements[index]
              * Double(u.elements[uChannel + row * uStrides[2] + column * uStrides[3]])
              * Double(v.elements[vChannel + row * vStrides[2] + column * vStrides[3]])
            index += 1
          }
        }
      }
    }
    return sum
  }
}
