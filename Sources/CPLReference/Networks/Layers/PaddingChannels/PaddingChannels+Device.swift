// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension PaddingChannels: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (inputs, channels) = (image.channels, channels)
    let divisor = padding == .clone ? cloneDivisor : nil
    return { input throws(DeviceError) in
      DeviceOutput(try device.padChannels(input, to: channels, cloneDivisor: divisor)) {
        gradient throws(DeviceError) in
        try device.padChannelsGradient(gradient, from: inputs, cloneDivisor: divisor)
      }
    }
  }
}
