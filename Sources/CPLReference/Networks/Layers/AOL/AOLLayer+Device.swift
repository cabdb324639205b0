// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension AOLLayer: DeviceLayer where Product: DeviceProduct {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    try product.loaded(on: device, adding: bias)
  }
}
