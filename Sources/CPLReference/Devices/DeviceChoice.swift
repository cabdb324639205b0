// SPDX-License-Identifier: Apache-2.0

/// Which device is asked for.
public enum DeviceChoice: Equatable, Sendable {
  /// A graphics processor that passes, else the CPU.
  case automatic
  /// The CPU.
  case cpu
  /// The OpenCL device of this number; the first one that passes without it.
  case openCL(index: Int?)

  /// The choice of "auto", "cpu", "opencl" or "opencl:2"; nil for another text.
  public init?(_ text: String) {
    switch text {
    case "auto": self = .automatic
    case "cpu": self = .cpu
    case "opencl": self = .openCL(index: nil)
    default:
      guard let number = text.wholeMatch(of: /opencl:([0-9]{1,6})/)?.1, let index = Int(number)
      else { return nil }
      self = .openCL(index: index)
    }
  }
}

extension DeviceChoice: CustomStringConvertible {
  public var description: String {
    switch self {
    case .automatic: "auto"
    case .cpu: "cpu"
    case .openCL(let index): "opencl" + (index.map { ":\($0)" } ?? "")
    }
  }
}
