// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension MaxPool: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let window = window
    return { input throws(DeviceError) in
      DeviceOutput(try device.poolLargest(input, side: window)) { gradient throws(DeviceError) in
        try device.poolLargestGradient(gradient, of: input, side: window)
      }
    }
  }
}
