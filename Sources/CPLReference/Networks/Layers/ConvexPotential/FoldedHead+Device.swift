// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension FoldedHead {
  /// Puts the two layers' numbers on a device, and returns their passes there: the operations of `forward` and of
  /// `inputGradient` in their order.
  func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (weights, bias) = (try device.upload(layer.weights), try device.upload(layer.bias))
    let (product, step) = (try device.upload(product), layer.stepSize)
    let head = try head.loaded(on: device)
    return { input throws(DeviceError) in
      let hidden = try device.multiply(
        input, weights, transposed: true, DeviceEpilogue(addend: bias, rectifies: true))
      let direct = try head(input)
      let logits = try device.multiply(
        hidden, product, transposed: true,
        DeviceEpilogue(alpha: -step, addend: direct.value))
      return DeviceOutput(logits) { gradient throws(DeviceError) in
        let gated = try device.multiply(
          gradient, product, transposed: false, DeviceEpilogue(alpha: -step, gate: hidden))
        return try device.multiply(
          gated, weights, transposed: false,
          DeviceEpilogue(addend: try direct.inputGradient(gradient)))
      }
    }
  }
}
