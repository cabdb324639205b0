// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension CPLConvolution: DeviceLayer {
  public func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let map = try DeviceConvolution(convolution, on: device)
    let (bias, step) = (try device.upload(bias), stepSize)
    return { input throws(DeviceError) in
      let hidden = try device.activations(map, bias: bias, input)
      return DeviceOutput(try device.add(map, transposedOf: hidden, scale: -step, to: input)) {
        gradient throws(DeviceError) in
        let gated = try device.gated(map, by: hidden, scale: -step, gradient)
        return try device.add(map, transposedOf: gated, scale: 1, to: gradient)
      }
    }
  }
}
