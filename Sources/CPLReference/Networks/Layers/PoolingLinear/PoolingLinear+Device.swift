// SPDX-License-Identifier: Apache-2.0

import CPLDevices

extension PoolingLinear: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let classes = classes
    let pool: Device.FeaturePool<Scalar> =
      switch pooling {
      case .truncate: .truncate
      case .mean: .mean(factor: meanFactor)
      case .max: .max
      }
    return { input throws(DeviceError) in
      DeviceOutput(try device.poolFeatures(input, classes: classes, by: pool)) {
        gradient throws(DeviceError) in
        try device.poolFeaturesGradient(gradient, of: input, by: pool)
      }
    }
  }
}
