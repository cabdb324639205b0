// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A linear map P whose products devices compute.
package protocol DeviceProduct<Scalar>: AffineProduct {
  /// Whether they can, with P's sizes.
  var isComputedOnDevices: Bool { get }

  /// Puts P's numbers on a device, and returns the passes of x ↦ P x + b there: the operations of `applied` and of
  /// `appliedTransposed` in their order.
  func loaded(
    on device: Device, adding bias: Tensor<Scalar>
  ) throws(DeviceError) -> DevicePasses<Scalar>
}

extension DenseProduct: DeviceProduct {
  package var isComputedOnDevices: Bool { true }

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

extension ConvolutionProduct: DeviceProduct {
  /// The images that devices see: where images wrap round, with a border, of whole tiles where Winograd's algorithm is the
  /// CPU's, since its tiles begin with the image's own rows.
  private var border: Int {
    guard padding == .circular else { return 0 }
    return isByWinograd ? 4 : weights.shape[3] / 2
  }

  private var isByWinograd: Bool {
    Scalar.self == Float.self && weights.shape[3] == 3 && inputShape[1] >= 4
  }

  /// With its border an image of two or three rows would go by Winograd's algorithm, as on the CPU it does not.
  package var isComputedOnDevices: Bool {
    padding == .zero || Scalar.self != Float.self || weights.shape[3] != 3
      || !(2...3).contains(inputShape[1])
  }

  package func loaded(
    on device: Device, adding bias: Tensor<Scalar>
  ) throws(DeviceError) -> DevicePasses<Scalar> {
    let (border, reach) = (border, weights.shape[3] / 2)
    let map = try DeviceConvolution(
      Convolution(
        kernel: weights, height: inputShape[1] + 2 * border, width: inputShape[2] + 2 * border),
      on: device)
    let bias = try device.upload(bias)
    return { input throws(DeviceError) in
      let sums = try device.shifted(
        map, by: bias, device.extendPlanes(input, border: border, reach: reach))
      return DeviceOutput(try device.cutPlanes(sums, border: border)) {
        gradient throws(DeviceError) in
        let sums = try device.apply(
          map, transposed: true, to: device.extendPlanes(gradient, border: border, reach: reach))
        return try device.cutPlanes(sums, border: border)
      }
    }
  }
}
