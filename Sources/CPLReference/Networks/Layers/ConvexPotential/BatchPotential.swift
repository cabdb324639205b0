// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A convex potential layer z = x − h Tᵀ relu(T x + b) by convolutions of batches: for many hidden channels, and for tori.
/// Between the two convolutions images lie channels last.
package struct BatchPotential<Scalar: TensorScalar>: Sendable {
  /// What the gradients need, channels last.
  package struct Cache: Sendable {
    /// The input, for the gradients of the parameters.
    var input: Tensor<Scalar>?
    /// a = relu(T x + b).
    var hidden: Tensor<Scalar>?
  }

  /// T.
  let convolution: BatchConvolution<Scalar>

  func forward(
    _ input: consuming Tensor<Scalar>, bias: Tensor<Scalar>, step: Scalar,
    keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    var values = consume input
    let (images, imageCount) = (values.shape[0], values.count / max(1, values.shape[0]))
    let (inputCount, hiddenCount) = (convolution.lastCount, convolution.innerLastCount)
    var (input, hidden) = (
      Self.room(recording == .everything ? images : 0, inputCount),
      Self.room(recording != .nothing ? images : 0, hiddenCount)
    )
    values.withUnsafeMutableElements { values in
      input.withUnsafeMutableElements { inputs in
        hidden.withUnsafeMutableElements { hiddens in
          nonisolated(unsafe) let (values, inputs, hiddens) = (values, inputs, hiddens)
          workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
            let (first, count) = (range.lowerBound, range.count)
            withUnsafeTemporaryAllocation(
              of: Scalar.self, capacity: count * (inputCount + hiddenCount)
            ) { scratch in
              let x = recording == .everything ? inputs + first * inputCount : scratch.baseAddress!
              let a =
                recording != .nothing
                ? hiddens + first * hiddenCount : scratch.baseAddress! + count * inputCount
              let value = values + first * imageCount
              convolution.turn(images: count, value, to: x)
              bias.withUnsafeElements {
                convolution.apply(
                  last: .both, images: count, x, ConvolutionEnding(bias: $0, rectifies: true),
                  to: a)
              }
              convolution.apply(
                transposed: true, last: .input, images: count, a,
                ConvolutionEnding(scale: -step, addend: value), to: value)
            }
          }
        }
      }
    }
    return (
      values,
      Cache(
        input: recording == .everything ? input : nil, hidden: recording != .nothing ? hidden : nil)
    )
  }

  private static func room(_ images: Int, _ count: Int) -> Tensor<Scalar> {
    Tensor(shape: [images, count], initializingWith: { _ in })
  }

  /// g + Tᵀp, p = −h · 1[a > 0] ⊙ T g.
  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, step: Scalar, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    gradients(outputGradient, step: step, from: cache, ofParameters: false, workers: workers).input
  }

  /// With g the gradient with respect to z, a the activations and p as above:
  ///
  ///     ∂/∂x = g + Tᵀp,   ∂/∂K = ∂(⟨p, T x⟩ − h⟨a, T g⟩)/∂K,   ∂/∂b = Σ p,   ∂/∂h = −⟨a, T g⟩
  func backward(
    _ outputGradient: consuming Tensor<Scalar>, step: Scalar, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    let (shape, kernelCount) = (convolution.shape, convolution.kernelCount)
    let (input, sums) = gradients(
      outputGradient, step: step, from: cache, ofParameters: true, workers: workers)
    return (
      input,
      LayerGradient(
        parameters: [
          Tensor(
            shape: [shape.inner, shape.channels, shape.kernel, shape.kernel],
            elements: Array(sums[..<kernelCount])),
          Tensor(
            shape: [shape.inner], elements: Array(sums[kernelCount..<kernelCount + shape.inner])),
        ],
        derived: [-sums[kernelCount + shape.inner]])
    )
  }

  /// The gradient with respect to x, and, for those of the parameters, the sums of K's, b's, and ⟨a, T g⟩.
  private func gradients(
    _ outputGradient: consuming Tensor<Scalar>, step: Scalar, from cache: Cache,
    ofParameters: Bool, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: [Scalar]) {
    var values = consume outputGradient
    let (images, imageCount) = (values.shape[0], values.count / max(1, values.shape[0]))
    let (inputCount, hiddenCount) = (convolution.lastCount, convolution.innerLastCount)
    let dot = convolution.kernelCount + convolution.shape.inner
    let hidden = cache.hidden!
    let sums: [Scalar] = values.withUnsafeMutableElements { values in
      (cache.input ?? hidden).withUnsafeElements { inputs in
        hidden.withUnsafeElements { hiddens in
          nonisolated(unsafe) let (values, inputs, hiddens) = (values, inputs, hiddens)
          return BatchTree.sums(of: images, count: ofParameters ? dot + 1 : 0, workers: workers) {
            range, sums in
            let (first, count) = (range.lowerBound, range.count)
            withUnsafeTemporaryAllocation(
              of: Scalar.self, capacity: count * (inputCount + 2 * hiddenCount)
            ) { scratch in
              let (g, value) = (scratch.baseAddress!, values + first * imageCount)
              let p = g + count * inputCount
              let scaled = p + count * hiddenCount
              let a = hiddens + first * hiddenCount
              convolution.turn(images: count, value, to: g)
              convolution.apply(last: .both, images: count, g, ConvolutionEnding(), to: p)
              if ofParameters {
                for image in 0..<count {
                  sums[dot] += Scalar(
                    Scalar.dot(hiddenCount, a + image * hiddenCount, p + image * hiddenCount))
                }
              }
              Scalar.gate(
                count * hiddenCount, factor: -step, a, p, scaled: ofParameters ? scaled : nil)
              if ofParameters {
                convolution.addGradients(
                  last: .both, images: count,
                  inputs: [inputs + first * inputCount, UnsafePointer(g)],
                  outputs: [UnsafePointer(p), UnsafePointer(scaled)], to: sums, withBias: true)
              }
              convolution.apply(
                transposed: true, last: .input, images: count, p,
                ConvolutionEnding(addend: value), to: value)
            }
          }
        }
      }
    }
    return (values, sums)
  }
}
