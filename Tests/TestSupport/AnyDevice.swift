// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// An OpenCL device to test with: PoCL's CPU will do. Tests that need one are skipped where there is none.
package enum AnyDevice {
  package static let description = DeviceDescription.all.first { $0.lacks.isEmpty }
  package static var exists: Bool { description != nil }
  /// Why a test is skipped.
  package static let absence = "no OpenCL device; Debian's pocl-opencl-icd makes one of the CPU"
}
