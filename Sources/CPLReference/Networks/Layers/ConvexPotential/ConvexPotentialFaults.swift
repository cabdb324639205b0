// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import Synchronization

/// The faults of convex potential layers of whatever kind.
enum ConvexPotentialFaults {
  static let all: [PlantedLayerFault] = [
    PlantedLayerFault(
      "step-unlike-bound", "an executed step 5 % longer than the one that is bounded",
      ["cpl.nonexpansive"]
    ) { LongerStep(factor: 1.05) },
    PlantedLayerFault(
      "unshared-kernel", "the kernel is not shared between the two products",
      ["cpl.potential-convex", "parity.pytorch"]
    ) { UnsharedKernel() },
    PlantedLayerFault(
      "doubled-activation", "ReLU replaced by 2·ReLU", ["cpl.nonexpansive", "cpl.tight"]
    ) { DoubledActivation() },
    PlantedLayerFault(
      "non-monotone-activation", "ReLU replaced by |·|", ["cpl.potential-convex"]
    ) { NonMonotoneActivation() },
    PlantedLayerFault(
      "narrow-evaluation", "binary32 used where binary64 is claimed", ["cpl.nonexpansive"]
    ) { NarrowEvaluation() },
    PlantedLayerFault(
      "forgotten-bias-gradient", "a training step that forgets the bias gradient",
      ["gradient.exact", "parity.pytorch"]
    ) { ForgottenBiasGradient() },
    PlantedLayerFault(
      "lower-as-upper", "a lower bound used as an upper bound", ["bound.enclosure", "cpl.step"]
    ) { LowerBoundAsUpper() },
    PlantedLayerFault(
      "evaluation-moves-u", "evaluation that mutates u", ["evaluation.pure"]
    ) { MutatingEvaluation() },
  ]
}

/// 2·ReLU in place of ReLU: the descent is twice as large.
struct DoubledActivation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    output.scale(by: 2)
    output.add(input, scale: -1)
    return (output, cache)
  }
}

/// A step that is longer than the one that the layer states.
package struct LongerStep: LayerFault {
  let factor: Double

  package init(factor: Double) { self.factor = factor }

  package func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  package func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var longer = layer
    if var potential = layer as? any ConvexPotentialLayer<Scalar> {
      potential.stepSize *= Scalar(factor)
      longer = potential
    }
    return longer.forward(input, recording: recording, workers: workers)
  }
}

/// |·| in place of ReLU, which is not monotone: |t| = relu(t) + relu(−t), and the second half is the
/// descent of the layer with −W and −b.
struct NonMonotoneActivation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    var mirrored = layer
    mirrored.updateParameters { _, value in value.scale(by: -1) }
    var (output, cache) = layer.forward(input, recording: recording, workers: workers)
    // The mirrored descent is −Wᵀrelu(−Wx − b).
    output.add(input, scale: 1)
    output.add(
      mirrored.forward(input, recording: .nothing, workers: workers).output, scale: -1)
    return (output, cache)
  }
}

/// Another kernel in the second product than in the first, off by a hundredth.
struct UnsharedKernel: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (right, cache) = layer.forward(input, recording: recording, workers: workers)
    guard let potential = layer as? any ConvexPotentialLayer<Scalar> else { return (right, cache) }
    var other = potential
    other.updateParameters { index, value in
      guard index == 0 else { return }
      let altered = value.elements.enumerated().map { $0 % 2 == 0 ? 1.01 * $1 : $1 }
      value = Tensor(shape: value.shape, elements: altered)
    }
    let (analysis, synthesis, bias) = (
      potential.linearMap, other.linearMap, potential.bias
    )
    let descents = Tensor(
      joining: (0..<input.shape[0]).map { image in
        var hidden = analysis.apply(
          input.slice(image..<image + 1).reshaped(analysis.inputShape))
        let unitsPerBias = hidden.count / bias.count
        for index in 0..<hidden.count {
          hidden.elements[index] = max(
            0, hidden.elements[index] + bias.elements[index / unitsPerBias])
        }
        return synthesis.applyTransposed(hidden).reshaped([1] + layer.inputShape)
      })
    var output = input
    output.add(descents, scale: -potential.stepSize)
    return (output, cache)
  }
}

/// The power method's value, a lower bound, in place of the upper bound.
struct LowerBoundAsUpper: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func spectralNorm<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>
  ) throws(VerificationError) -> SpectralNormEnclosure? {
    guard let right = try layer.bounded.spectralNorm(),
      let potential = layer as? any ConvexPotentialLayer<Scalar>
    else { return nil }
    let power = PowerMethod(
      potential.linearMap,
      from: CPLNetwork<Scalar>.randomUnitVector(
        shape: potential.linearMap.inputShape, seed: 0, stream: 0), iterations: 20)
    return SpectralNormEnclosure(
      lowerBound: right.lowerBound, upperBound: Double(power.estimate), estimate: right.estimate,
      method: right.method)
  }
}

/// Binary32 where binary64 is claimed.
struct NarrowEvaluation: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    let (output, cache) = layer.forward(input, recording: recording, workers: workers)
    return (output.converted(to: Float.self).converted(), cache)
  }
}

/// A backward pass without the gradient of the bias.
struct ForgottenBiasGradient: LayerFault {
  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func backward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ outputGradient: Tensor<Scalar>, _ cache: ForwardCache,
    workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    var (input, sums) = layer.backwardSums(outputGradient, cache, workers: workers)
    sums.parameters[1] = Tensor(shape: sums.parameters[1].shape)
    return (input, sums)
  }
}

/// Evaluating runs the power method on: u is another after each forward pass.
final class MutatingEvaluation: LayerFault {
  private let evaluations = Atomic<Int>(0)

  func concerns(_ specification: LayerSpecification) -> Bool {
    specification.value is any ConvexPotentialKind
  }

  func forward<Scalar: TensorScalar>(
    _ layer: any Layer<Scalar>, _ input: Tensor<Scalar>, recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: ForwardCache) {
    evaluations.wrappingAdd(1, ordering: .relaxed)
    return layer.forward(input, recording: recording, workers: workers)
  }

  func powerVector<Scalar: TensorScalar>(
    _ layer: any SteppedLayer<Scalar>
  ) -> Tensor<Scalar> {
    var vector = layer.powerVector
    let count = evaluations.load(ordering: .relaxed)
    if count > 0 { vector.scale(by: 1 + Scalar(count % 1000) * 1e-4) }
    return vector
  }
}
