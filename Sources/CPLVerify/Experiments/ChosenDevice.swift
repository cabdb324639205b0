// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Synchronization

/// The device that a command evaluates networks on, ready to compute.
package final class ChosenDevice: Sendable {
  private let device: Device
  /// Whether the user named it, so that nothing else will do.
  private let isNamed: Bool
  private let isLeft = Mutex(false)

  /// The device that was asked for; nil for the CPU. A graphics processor that does not pass, and that nobody
  /// named, is told of and passed over.
  ///
  /// - Throws: `DeviceError.unavailable` where a named device is not there or does not pass.
  package init?(_ choice: DeviceChoice, _ observer: any WorkObserver) throws {
    let device = try choice.open { observer.note("\($0): \(Self.instead)") }
    guard let device else { return nil }
    self.device = device
    isNamed = choice != .automatic
  }

  private static let instead = "the CPU computes instead, with the same results"

  /// What evaluates networks; nil where the CPU has taken over.
  var description: DeviceDescription? { isLeft.withLock(\.self) ? nil : device.description }

  /// This device, if it computes every layer of a network; nil for a network that runs on the CPU instead, which
  /// is told.
  ///
  /// - Throws: `DeviceError.unsupported`, which names the layer, for a named device that does not.
  func suiting(
    _ network: CPLNetwork<Float>, _ observer: any WorkObserver
  ) throws -> ChosenDevice? {
    try suiting(observer) { device throws(DeviceError) in try network.check(runsOn: device) }
  }

  /// The same of a run that it is to train.
  ///
  /// - Throws: `DeviceError` for a named device that does not.
  func suiting(
    training state: TrainingState, _ observer: any WorkObserver
  ) throws -> ChosenDevice? {
    try suiting(observer) { device throws(DeviceError) in try state.check(trainsOn: device) }
  }

  private func suiting(
    _ observer: any WorkObserver, _ check: (Device) throws(DeviceError) -> Void
  ) throws -> ChosenDevice? {
    do {
      try check(device)
      return self
    } catch {
      if isNamed { throw error }
      observer.note("\(error): \(Self.instead)")
      return nil
    }
  }

  /// Where networks are evaluated.
  func place(_ observer: any WorkObserver) -> DevicePlace {
    let name = device.description.name
    return DevicePlace(device) { size in
      observer.note("\(name) has too little memory: it takes \(size) images at once from now on")
    }
  }

  /// Tells of a device without memory that nobody named, whose work the CPU has taken over.
  ///
  /// - Throws: any other failure since the last call.
  func check(_ observer: any WorkObserver) throws {
    do {
      try device.check()
    } catch {
      guard case .outOfMemory = error, !isNamed else { throw error }
      isLeft.withLock { $0 = true }
      observer.note("\(error): \(Self.instead)")
    }
  }
}

/// An observer that asks work to stop also where the device has failed.
private struct DeviceObserver: WorkObserver {
  let base: any WorkObserver
  let device: ChosenDevice

  func begin() { base.begin() }
  func update(_ progress: WorkProgress) { base.update(progress) }
  func note(_ text: String) { base.note(text) }
  func finish() { base.finish() }
  var isInterrupted: Bool { base.isInterrupted }
  func leaveIfInterrupted() { base.leaveIfInterrupted() }

  func checkInterruption() throws {
    try base.checkInterruption()
    try device.check(base)
  }
}

extension Workplace {
  /// This process, whose work ends where a device fails.
  func watching(_ device: ChosenDevice) -> Workplace {
    Workplace(
      workers: workers, observer: DeviceObserver(base: observer, device: device),
      program: program, command: command, memory: memory, now: now, provenance: provenance)
  }
}
