// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension LastLayerNormalised: DeviceLayer {
  /// With the unit rows as they are executed.
  public func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (rows, bias) = (try device.upload(normalized.rows), try device.upload(bias))
    return { input throws(DeviceError) in
      let logits = try device.multiply(
        input, rows, transposed: true, DeviceEpilogue(addend: bias))
      return DeviceOutput(logits) { gradient throws(DeviceError) in
        try device.multiply(gradient, rows, transposed: false, DeviceEpilogue())
      }
    }
  }
}
