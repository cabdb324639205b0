// SPDX-License-Identifier: Apache-2.0

/// What can go wrong with a device.
public enum DeviceError: Error, Equatable {
  /// There is no such device, or it was refused.
  case unavailable(device: String, reasons: [String])
  /// The device has no implementation of a layer of the network.
  case unsupported(device: String, layer: String, kind: String)
  /// It has too little memory for some piece of work, which may be done in smaller ones.
  case outOfMemory(device: String)
  /// It failed in the middle of work, which is not known to be done.
  case lost(device: String, reason: String)
}

extension DeviceError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unavailable(let device, let reasons):
      "device \(device) cannot be used: \(reasons.joined(separator: "; "))"
    case .unsupported(let device, let layer, let kind):
      "device \(device) cannot compute the layer \(layer) (\(kind)): run it on the CPU, --device cpu"
    case .outOfMemory(let device):
      "device \(device) has too little memory: run it on the CPU, --device cpu"
    case .lost(let device, let reason):
      "device \(device) was lost in the middle of its work: \(reason)"
    }
  }
}
