// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A layer with parameters that can be trained on devices other than the CPU, with the same bits.
package protocol TrainableDeviceLayer<Scalar>: DeviceLayer {
  /// Whether this layer can be, with its sizes.
  var isTrainedOnDevices: Bool { get }

  /// Puts the layer's numbers on a device, to be trained there.
  func trained(on device: Device) throws(DeviceError) -> any LayerOnDevice<Scalar>
}

extension TrainableDeviceLayer {
  package var isTrainedOnDevices: Bool { true }
}

extension Layer {
  /// Whether it has parameters that devices train.
  var trainsOnDevices: Bool {
    (self as? any TrainableDeviceLayer<Scalar>)?.isTrainedOnDevices ?? false
  }
}

/// A layer in training on a device: its parameters are there, and move there.
package protocol LayerOnDevice<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// In the order of `Layer.parameters`.
  var parameters: [DeviceTensor<Scalar>] { get }

  /// Takes other parameters, and makes of them what is executed.
  mutating func replaceParameters(_ parameters: [DeviceTensor<Scalar>]) throws(DeviceError)

  /// The operations of `forward` and `backward`, in their order.
  func forward(_ input: DeviceTensor<Scalar>) throws(DeviceError) -> TrainedDeviceOutput<Scalar>

  /// The gradient with respect to the parameters, given the sums over the whole batch that `forward` leads to, the
  /// derivation of `deriveWeights` followed.
  ///
  /// - Parameter densePowerGradient: the quirk of that name.
  func parameterGradient(
    _ sums: [DeviceTensor<Scalar>], densePowerGradient: Bool
  ) throws(DeviceError) -> [DeviceTensor<Scalar>]

  /// Begins to derive the numbers of a step by the power method; nil for a layer that has no step.
  ///
  /// - Parameters:
  ///   - numbers: where the method's three sums go, from `index` on.
  func beginPower(
    iterations: Int, numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) -> DevicePower<Scalar>?

  /// Derives the numbers of a step.
  mutating func finishPower(_ power: DevicePower<Scalar>)

  /// Writes what training has moved into the layer that this one was made of.
  func store(in layer: inout any Layer<Scalar>) throws(DeviceError)
}

/// What a layer makes of a batch on a device in training, with the way back.
package struct TrainedDeviceOutput<Scalar: TensorScalar>: Sendable {
  package let value: DeviceTensor<Scalar>
  /// The gradient with respect to the input, and the sums over the batch, of `LayerGradient.parameters` and then of
  /// what it derives; given the gradient with respect to the output.
  package let backward:
    @Sendable (DeviceTensor<Scalar>) throws(DeviceError) -> (
      input: DeviceTensor<Scalar>, sums: [DeviceTensor<Scalar>]
    )

  package init(
    _ value: DeviceTensor<Scalar>,
    backward:
      @escaping @Sendable (DeviceTensor<Scalar>) throws(DeviceError) -> (
        input: DeviceTensor<Scalar>, sums: [DeviceTensor<Scalar>]
      )
  ) {
    self.value = value
    self.backward = backward
  }
}

extension LayerOnDevice {
  package func beginPower(
    iterations: Int, numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) -> DevicePower<Scalar>? { nil }

  package mutating func finishPower(_ power: DevicePower<Scalar>) {}

  /// Writes the parameters.
  package func storeParameters(
    of device: Device, in layer: inout any Layer<Scalar>
  ) throws(DeviceError) {
    var values: [Tensor<Scalar>] = []
    for parameter in parameters { values.append(try device.download(parameter)) }
    layer.updateParameters { index, value in value = values[index] }
  }
}

/// A layer without parameters, whose passes are those of an evaluation.
struct FixedLayerOnDevice<Scalar: TensorScalar>: LayerOnDevice {
  let passes: DevicePasses<Scalar>

  var parameters: [DeviceTensor<Scalar>] { [] }

  mutating func replaceParameters(_ parameters: [DeviceTensor<Scalar>]) {}

  func forward(_ input: DeviceTensor<Scalar>) throws(DeviceError) -> TrainedDeviceOutput<Scalar> {
    let output = try passes(input)
    return TrainedDeviceOutput(output.value) { gradient throws(DeviceError) in
      (try output.inputGradient(gradient), [])
    }
  }

  func parameterGradient(
    _ sums: [DeviceTensor<Scalar>], densePowerGradient: Bool
  ) -> [DeviceTensor<Scalar>] { [] }

  func store(in layer: inout any Layer<Scalar>) {}
}
