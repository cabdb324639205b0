// SPDX-License-Identifier: Apache-2.0

/// What OpenCL's functions return: 0, or a negative code.
struct OpenCLStatus: Equatable, Sendable {
  let code: Int32

  static let success = OpenCLStatus(code: 0)
  static let deviceNotFound = OpenCLStatus(code: -1)
  /// What the loader says where no driver is installed.
  static let noPlatform = OpenCLStatus(code: -1001)

  /// Whether a smaller piece of work may succeed. Some drivers allocate at the first use only, and call
  /// everything that lacks memory a lack of resources.
  var isLackOfMemory: Bool { [-4, -5, -6, -61].contains(code) }
}

extension OpenCLStatus: CustomStringConvertible {
  /// Its name in the specification, where it is one that occurs.
  var description: String {
    switch code {
    case -1: "CL_DEVICE_NOT_FOUND"
    case -2: "CL_DEVICE_NOT_AVAILABLE"
    case -3: "CL_COMPILER_NOT_AVAILABLE"
    case -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE"
    case -5: "CL_OUT_OF_RESOURCES"
    case -6: "CL_OUT_OF_HOST_MEMORY"
    case -11: "CL_BUILD_PROGRAM_FAILURE"
    case -36: "CL_INVALID_COMMAND_QUEUE"
    case -54: "CL_INVALID_WORK_GROUP_SIZE"
    case -61: "CL_INVALID_BUFFER_SIZE"
    default: "OpenCL's error \(code)"
    }
  }
}
