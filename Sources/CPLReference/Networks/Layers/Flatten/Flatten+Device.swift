// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension Flatten: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (image, features) = (image.extents, image.count)
    return { input in
      let batch = input.shape[0]
      return DeviceOutput(input.reshaped([batch, features])) { gradient in
        gradient.reshaped([batch] + image)
      }
    }
  }
}
