// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A linear map P whose products devices compute.
package protocol DeviceProduct<Scalar>: AffineProduct {
  /// Puts P's numbers on a device, and returns the passes of x ↦ P x + b there: the operations of `applied` and of
  /// `appliedTransposed` in their order.
  func loaded(
    on device: Device, adding bias: Tensor<Scalar>
  ) throws(DeviceError) -> DevicePasses<Scalar>
}

extension DenseProduct: DeviceProduct {
  package func loaded(
    on device: Device, adding bias: Tensor<Scalar>
  ) throws(DeviceError) -> DevicePasses<Scalar> {
    let (weights, bias) = (try device.upload(weights), try device.upload(bias))
    return { input throws(DeviceError) in
      let output = try device.multiply(
        input, weights, transposed: true, DeviceEpilogue(addend: bias))
      return DeviceOutput(output) { gradient throws(DeviceError) in
        try device.multiply(gradient, weights, transposed: false, DeviceEpilogue())
      }
    }
  }
}
