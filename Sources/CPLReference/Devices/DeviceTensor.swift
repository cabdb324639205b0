// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Numbers in a device's memory, which is taken back with the last reference to them.
final class DeviceArray<Scalar: TensorScalar>: Sendable {
  let count: Int
  let buffer: OpenCLHandle
  private let device: Device

  private var bytes: Int { Self.bytes(count) }

  private static func bytes(_ count: Int) -> Int {
    max(1, count) * MemoryLayout<Scalar>.stride
  }

  /// So many numbers, whose values are not known.
  ///
  /// - Throws: `outOfMemory` also beyond 2³¹ − 1 numbers, which is how far kernels count.
  init(count: Int, on device: Device) throws(DeviceError) {
    guard count <= Int32.max else { throw .outOfMemory(device: device.description.selector) }
    self.count = count
    self.device = device
    buffer = try device.allocate(Self.bytes(count))
  }

  deinit { device.reclaim(buffer, bytes: bytes) }
}

/// A dense tensor in a device's memory, row-major. It is a value: once made it never changes.
package struct DeviceTensor<Scalar: TensorScalar>: Sendable {
  package let shape: [Int]
  let array: DeviceArray<Scalar>

  init(shape: [Int], array: DeviceArray<Scalar>) {
    precondition(shape.reduce(1, *) == array.count, "\(shape) does not hold \(array.count)")
    self.shape = shape
    self.array = array
  }

  /// The number of elements.
  var count: Int { array.count }

  /// The same elements under another shape.
  ///
  /// - Precondition: both shapes hold equally many elements.
  package func reshaped(_ shape: [Int]) -> DeviceTensor {
    DeviceTensor(shape: shape, array: array)
  }
}

/// Numbers in binary64, whatever the precision of a network: sums, which operations leave on a device one by one for
/// other operations or for the host to take in one transfer, and what is between two images of an attack.
package struct DeviceNumbers: Sendable {
  let array: DeviceArray<Double>

  /// So many, whose values are not known.
  package init(count: Int, on device: Device) throws(DeviceError) {
    array = try DeviceArray(count: count, on: device)
  }

  /// Numbers of the host.
  package init(_ numbers: [Double], on device: Device) throws(DeviceError) {
    array = try device.upload(numbers)
  }

  var count: Int { array.count }
}
