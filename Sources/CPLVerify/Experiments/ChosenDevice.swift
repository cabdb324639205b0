// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The device that a command evaluates networks on, ready to compute.
package struct ChosenDevice: Sendable {
  let device: Device
  /// Whether the user named it, so that nothing else will do.
  let isNamed: Bool

  /// The device that was asked for; nil for the CPU. A graphics processor that does not pass, and that nobody
  /// named, is told of and passed over.
  ///
  /// - Throws: `DeviceError.unavailable` where a named device is not there or does not pass.
  package init?(_ choice: DeviceChoice, _ observer: any WorkObserver) throws {
    let device = try choice.open { observer.note("\($0): this runs on the CPU instead") }
    guard let device else { return nil }
    self.device = device
    isNamed = choice != .automatic
  }

  /// What `body` gives; nil where the device cannot do it and the CPU may do it instead, which is told.
  ///
  /// - Throws: what `body` throws, but for what a device that nobody named cannot do.
  func orCPU<Result>(
    _ observer: any WorkObserver, _ body: () throws -> Result
  ) throws -> Result? {
    do {
      return try body()
    } catch let error as DeviceError where !isNamed && error.leavesItToCPU {
      observer.note("\(error): this runs on the CPU instead")
      return nil
    }
  }
}

extension DeviceError {
  /// Whether the CPU can do what the device cannot.
  fileprivate var leavesItToCPU: Bool {
    switch self {
    case .unsupported, .outOfMemory: true
    case .unavailable, .lost: false
    }
  }
}
