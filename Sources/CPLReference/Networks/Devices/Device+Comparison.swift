// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics
import Synchronization

extension Device {
  /// Compares what the device computes with what the CPU computes, bit by bit: operations, then layers, then what
  /// trains and attacks them.
  ///
  /// - Throws: `DeviceError.unavailable` with the first difference.
  package func compareWithCPU() throws(DeviceError) {
    try compareWithCPU(in: Float.self)
    try compareWithCPU(in: Double.self)
  }

  private func compareWithCPU<Scalar: TensorScalar>(
    in scalar: Scalar.Type
  ) throws(DeviceError) {
    try refuse(ArithmeticComparison.difference(on: self, in: scalar))
    try refuse(LayerComparison.difference(on: self, in: scalar))
    try refuse(UpdateComparison.difference(on: self, in: scalar))
    try refuse(AscentComparison.difference(on: self, in: scalar))
  }

  private func refuse(_ difference: String?) throws(DeviceError) {
    guard let difference else { return }
    throw .unavailable(
      device: description.selector, reasons: ["it computes otherwise: \(difference)"])
  }
}

extension DeviceDescription {
  /// The devices that were asked for, or why they were refused.
  private static let opened = Mutex<[Int: Result<Device, DeviceError>]>([:])

  /// The device, ready to compute. At the first use in a process it is compared with the CPU.
  ///
  /// - Throws: `DeviceError.unavailable` where it lacks something, or differs.
  package func opened() throws(DeviceError) -> Device {
    try Self.opened.withLock { opened throws(DeviceError) in
      if let known = opened[index] { return try known.get() }
      let result = Result { () throws(DeviceError) in
        let device = try Device(self)
        try device.compareWithCPU()
        return device
      }
      opened[index] = result
      return try result.get()
    }
  }
}

extension DeviceChoice {
  /// The device that is meant; nil for the CPU.
  ///
  /// - Parameter refused: called with each graphics processor that is not used though nobody named another
  ///   device, and with why.
  /// - Throws: `DeviceError.unavailable` where a named device is not there or does not pass.
  public func open(refused: (DeviceError) -> Void) throws(DeviceError) -> Device? {
    switch self {
    case .cpu: return nil
    case .automatic:
      guard DeviceDescription.mayHaveGraphics else { return nil }
      for candidate in DeviceDescription.all where candidate.kind == .graphics {
        do { return try candidate.opened() } catch { refused(error) }
      }
      return nil
    case .openCL(let index):
      let candidates = DeviceDescription.all.filter { $0.index == index ?? $0.index }
      guard !candidates.isEmpty else {
        throw .unavailable(device: description, reasons: [Self.absence])
      }
      var reasons: [String] = []
      for candidate in candidates {
        do { return try candidate.opened() } catch { reasons.append("\(error)") }
      }
      throw .unavailable(device: description, reasons: reasons)
    }
  }

  /// Why there is no such device.
  private static var absence: String {
    guard DeviceDescription.hasLoader else {
      return "this system has no OpenCL, that is, no \(DeviceDescription.loaderName)"
    }
    let known = DeviceDescription.all.map(\.selector)
    return known.isEmpty
      ? "OpenCL has no driver here"
      : "there is none of this number, only \(known.joined(separator: ", "))"
  }
}
