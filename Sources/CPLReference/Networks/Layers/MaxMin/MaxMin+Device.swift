// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension MaxMin: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    return { input throws(DeviceError) in
      DeviceOutput(try device.exchangePairs(input, where: input)) {
        gradient throws(DeviceError) in
        try device.exchangePairs(gradient, where: input)
      }
    }
  }
}
