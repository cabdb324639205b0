// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A convex potential layer z = x − h Tᵀ relu(T x + b) by convolutions of batches: for many hidden channels, and for tori.
package struct BatchPotential<Scalar: TensorScalar>: Sendable {
  package struct Cache: Sendable {
    /// The input and a = relu(T x + b), for the gradients of the parameters.
    var input: Tensor<Scalar>?
    var hidden: Tensor<Scalar>?
    /// Where a is positive.
    var active: [Bool] = []
  }

  /// T.
  let convolution: BatchConvolution<Scalar>

  func forward(
    _ input: consuming Tensor<Scalar>, bias: Tensor<Scalar>, step: Scalar,
    keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let input = consume input
    let hidden = convolution.apply(to: input, bias: bias, rectifies: true, workers: workers)
    let output = convolution.apply(
      transposed: true, to: hidden, scale: -step, addend: input, workers: workers)
    guard recording != .nothing else { return (output, Cache()) }
    let active = Self.active(hidden)
    guard recording == .everything else { return (output, Cache(active: active)) }
    return (output, Cache(input: input, hidden: hidden, active: active))
  }

  /// g + Tᵀp, p = −h · 1[a > 0] ⊙ T g.
  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, step: Scalar, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let gradient = consume outputGradient
    var gated = convolution.apply(to: gradient, workers: workers)
    Self.gate(&gated, cache.active, step)
    return convolution.apply(transposed: true, to: gated, addend: gradient, workers: workers)
  }

  /// With g the gradient with respect to z, a the activations and p as above:
  ///
  ///     ∂/∂x = g + Tᵀp,   ∂/∂K = ∂(⟨p, T x⟩ − h⟨a, T g⟩)/∂K,   ∂/∂b = Σ p,   ∂/∂h = −⟨a, T g⟩
  func backward(
    _ outputGradient: consuming Tensor<Scalar>, step: Scalar, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let gradient = consume outputGradient
    var gated = convolution.apply(to: gradient, workers: workers)
    var scaled = cache.hidden!
    let inner = BatchPotential.dot(scaled, gated, workers)
    Self.gate(&gated, cache.active, step)
    Self.scale(&scaled, -step)
    let sums = convolution.gradients(
      [(cache.input!, gated), (gradient, scaled)], workers: workers)
    return (
      convolution.apply(transposed: true, to: gated, addend: gradient, workers: workers),
      LayerGradient(parameters: [sums.kernel, sums.bias], derived: [-inner])
    )
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func active(_ hidden: Tensor<Scalar>) -> [Bool] {
    let count = hidden.count
    return [Bool](unsafeUninitializedCapacity: count) { active, initialized in
      hidden.withUnsafeElements { hidden in
        for index in 0..<count { active[index] = hidden[index] > 0 }
      }
      initialized = count
    }
  }

  /// −h · 1[a > 0] ⊙ T g in the place of T g.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func gate(_ projected: inout Tensor<Scalar>, _ active: [Bool], _ step: Scalar) {
    let count = active.count
    projected.withUnsafeMutableElements { values in
      active.withUnsafeBufferPointer { active in
        for index in 0..<count { values[index] = active[index] ? -step * values[index] : 0 }
      }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func scale(_ values: inout Tensor<Scalar>, _ factor: Scalar) {
    let count = values.count
    values.withUnsafeMutableElements { values in
      for index in 0..<count { values[index] *= factor }
    }
  }

  /// ⟨a, T g⟩, image by image, in the order of `BatchTree`.
  private static func dot(
    _ hidden: Tensor<Scalar>, _ projected: Tensor<Scalar>, _ workers: Workers
  ) -> Scalar {
    let (images, count) = (hidden.shape[0], hidden.shape.dropFirst().reduce(1, *))
    return hidden.withUnsafeElements { hidden in
      projected.withUnsafeElements { projected in
        nonisolated(unsafe) let (hidden, projected) = (hidden, projected)
        return BatchTree.sums(of: images, count: 1, workers: workers) { range, sum in
          for image in range {
            sum[0] += Scalar(
              Scalar.dot(count, hidden + image * count, projected + image * count))
          }
        }
      }
    }[0]
  }
}
