// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The skew part of a convolution's filter F, C×C×k×k, divided by an estimate of its norm:
///
///     K = S/(σ̂ + 1e-12),   S_ij(a, b) = ½(F_ij(a, b) − F_ji(−a, −b)),   σ̂ = ‖S ⋆ u‖/‖u‖
///
/// S is skew as a map of zero-padded images: its matrix has S_ij(q − p) at ((i, p), (j, q)), and S_ji(p − q) =
/// −S_ij(q − p) at ((j, q), (i, p)), whatever pixels p and q there are. K is exactly skew too: differences, products
/// and their roundings only change their sign with their operands.
///
/// A skew map turns its singular vectors within planes and stretches them by its singular values, so that u ← S ⋆ u is
/// the power method, and σ̂ ≤ ‖S‖. It trains, and certifies nothing.
package struct SkewFilter<Scalar: TensorScalar>: Sendable {
  /// S.
  let skew: Tensor<Double>
  /// S as a map.
  let map: Convolution<Scalar>
  /// u.
  let vector: Tensor<Scalar>
  /// S ⋆ u.
  let image: Tensor<Scalar>
  /// σ̂.
  let estimate: Double

  init(_ filter: Tensor<Scalar>, height: Int, width: Int, vector: Tensor<Scalar>) {
    skew = Self.skewPart(filter.converted())
    map = Convolution(kernel: skew.converted(), height: height, width: width)
    self.vector = vector
    image = map.apply(vector)
    let norm = vector.norm
    estimate = norm > 0 ? Double(image.norm) / Double(norm) : 0
  }

  /// 1/(σ̂ + 1e-12).
  var scale: Double { 1 / (estimate + 1e-12) }

  /// K.
  var kernel: Tensor<Scalar> {
    Tensor(shape: skew.shape, elements: skew.elements.map { Scalar($0 * scale) })
  }

  /// The direction of S ⋆ u, of length 1; u itself where S ⋆ u = 0.
  var nextVector: Tensor<Scalar> {
    let norm = image.norm
    guard norm > 0, norm.isFinite else { return vector }
    var next = image
    next.scale(by: 1 / norm)
    return next
  }

  /// (F_ij(a, b) − F_ji(−a, −b))/2: also the adjoint of F ↦ S.
  package static func skewPart(_ filter: Tensor<Double>) -> Tensor<Double> {
    let (channels, taps) = (filter.shape[0], filter.shape[2] * filter.shape[3])
    return Tensor(
      shape: filter.shape,
      elements: filter.elements.indices.map { index in
        let (output, input, tap) = (index / taps / channels, index / taps % channels, index % taps)
        let mirrored = (input * channels + output) * taps + taps - 1 - tap
        return (filter.elements[index] - filter.elements[mirrored]) / 2
      })
  }

  /// The gradient of σ̂ with respect to F, where u is the direction of p = S ⋆ w:
  ///
  ///     ∂σ̂/∂S = q uᵀ + z wᵀ/‖p‖,   q = S u/σ̂,   z = Sᵀq − σ̂ u = −S q − σ̂ u
  ///
  /// the second term by way of u, of which only what is orthogonal to it counts.
  ///
  /// - Parameter previous: what `previous.nextVector` made u of.
  func estimateGradient(after previous: SkewFilter) -> Tensor<Double> {
    let (sigma, norm) = (Scalar(estimate), previous.image.norm)
    guard sigma > 0, norm > 0 else { return Tensor(shape: skew.shape) }
    var direction = image
    direction.scale(by: 1 / sigma)
    var towards = map.apply(direction)
    towards.scale(by: -1)
    towards.add(vector, scale: -sigma)
    towards.scale(by: 1 / norm)
    var gradient = Tensor<Scalar>(shape: skew.shape)
    map.addGradients([(vector, direction), (previous.vector, towards)], to: &gradient)
    return Self.skewPart(gradient.converted())
  }
}

extension Convolution {
  /// gradient ← gradient + the gradients with respect to the kernel of two ⟨output, T input⟩.
  func addGradients(
    _ pairs: [(input: Tensor<Scalar>, output: Tensor<Scalar>)], to gradient: inout Tensor<Scalar>
  ) {
    withWorkspace { workspace in
      gradient.withUnsafeMutableElements { gradient in
        pairs[0].input.withUnsafeElements { firstInput in
          pairs[0].output.withUnsafeElements { firstOutput in
            pairs[1].input.withUnsafeElements { secondInput in
              pairs[1].output.withUnsafeElements { secondOutput in
                Scalar.addKernelGradients(
                  shape, (firstInput, firstOutput), (secondInput, secondOutput), to: gradient,
                  workspace)
              }
            }
          }
        }
      }
    }
  }
}
