// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension PixelUnshuffle: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let window = window
    return { input throws(DeviceError) in
      DeviceOutput(try device.unshufflePixels(input, window: window)) {
        gradient throws(DeviceError) in
        try device.shufflePixels(gradient, window: window)
      }
    }
  }
}
