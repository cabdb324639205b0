// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// What a driver compiles: the kernels of `kernels.cl`, and how.
package struct KernelText: Sendable {
  /// What stands in front of the kernels: definitions of the macros that they leave open.
  package var prelude = ""
  /// Binary32 division and square root are correctly rounded; nothing is relaxed.
  package var options = "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt"

  /// The kernels themselves.
  package var kernels = String(cString: cpl_device_source())

  package init() {}

  /// The program's text for a scalar type.
  func source(for scalar: ScalarName) -> String {
    "#define REAL_IS_DOUBLE \(scalar == .binary64 ? 1 : 0)\n\(prelude)\n\(kernels)"
  }
}

/// The scalar types for which there are kernels.
enum ScalarName: Hashable, Sendable {
  case binary32, binary64

  init<Scalar>(_ scalar: Scalar.Type) {
    self = MemoryLayout<Scalar>.size == 4 ? .binary32 : .binary64
  }
}
