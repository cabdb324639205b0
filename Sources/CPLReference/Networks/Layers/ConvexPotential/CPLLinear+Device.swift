// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension CPLLinear: DeviceLayer {
  public func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (weights, bias) = (try device.upload(weights), try device.upload(bias))
    let step = stepSize
    return { input throws(DeviceError) in
      let hidden = try device.multiply(
        input, weights, transposed: true, DeviceEpilogue(addend: bias, rectifies: true))
      let output = try device.multiply(
        hidden, weights, transposed: false, DeviceEpilogue(alpha: -step, addend: input))
      return DeviceOutput(output) { gradient throws(DeviceError) in
        let gated = try device.multiply(
          gradient, weights, transposed: true, DeviceEpilogue(alpha: -step, gate: hidden))
        return try device.multiply(
          gated, weights, transposed: false, DeviceEpilogue(addend: gradient))
      }
    }
  }
}
