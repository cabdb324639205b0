// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A layer whose passes can be computed on devices other than the CPU, with the same bits. A network with a layer
/// that does not conform to this is evaluated on the CPU.
package protocol DeviceLayer<Scalar>: Layer {
  /// Puts the layer's numbers on a device, and returns its passes there: the operations of `forward` and of
  /// `inputGradient` in their order.
  func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar>
}

/// A layer's forward pass on a device, where the layer's numbers are already.
package typealias DevicePasses<Scalar: TensorScalar> =
  @Sendable (DeviceTensor<Scalar>) throws(DeviceError) -> DeviceOutput<Scalar>

/// What a layer makes of a batch on a device, with the way back.
package struct DeviceOutput<Scalar: TensorScalar>: Sendable {
  package let value: DeviceTensor<Scalar>
  /// The gradient with respect to the input, given the one with respect to the output. It keeps what it needs of
  /// the forward pass, for as long as it is kept itself.
  package let inputGradient:
    @Sendable (DeviceTensor<Scalar>) throws(DeviceError) -> DeviceTensor<Scalar>

  package init(
    _ value: DeviceTensor<Scalar>,
    inputGradient:
      @escaping @Sendable (DeviceTensor<Scalar>) throws(DeviceError) ->
      DeviceTensor<Scalar>
  ) {
    self.value = value
    self.inputGradient = inputGradient
  }
}
