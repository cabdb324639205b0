// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

extension Normalize: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    func numbers(_ channels: [Float]) throws(DeviceError) -> DeviceTensor<Scalar> {
      try device.upload(Tensor(shape: [channels.count], elements: channels.map { Scalar($0) }))
    }
    let (mean, deviation) = (try numbers(mean), try numbers(standardDeviation))
    return { input throws(DeviceError) in
      DeviceOutput(try device.normalizeChannels(input, mean: mean, deviation: deviation)) {
        gradient throws(DeviceError) in
        try device.normalizeChannelsGradient(gradient, deviation: deviation)
      }
    }
  }
}
