// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension FirstChannels: DeviceLayer {
  /// The first channels are the first numbers of an image.
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (whole, part) = (inputShape, outputShape)
    let (count, kept) = (whole.reduce(1, *), part.reduce(1, *))
    return { input throws(DeviceError) in
      let batch = input.shape[0]
      let numbers = input.reshaped([batch, count])
      let first = try device.poolFeatures(numbers, classes: kept, by: .truncate)
      return DeviceOutput(first.reshaped([batch] + part)) { gradient throws(DeviceError) in
        try device.poolFeaturesGradient(
          gradient.reshaped([batch, kept]), of: numbers, by: .truncate
        ).reshaped([batch] + whole)
      }
    }
  }
}
