// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension NormPool: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let window = window
    return { input throws(DeviceError) in
      DeviceOutput(try device.poolWindows(input, side: window)) { gradient throws(DeviceError) in
        try device.poolWindowsGradient(gradient, side: window)
      }
    }
  }
}
