// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics
import Synchronization

/// Where networks are evaluated instead of on the CPU.
public struct DevicePlace: Sendable {
  package let device: Device
  /// Called where the device's memory is too small for a batch, with the size of the next ones.
  let halved: @Sendable (Int) -> Void

  /// An opened device. `halved` is called where its memory is too small for a batch, with the number of images of the
  /// next ones.
  public init(_ device: Device, halved: @escaping @Sendable (Int) -> Void = { _ in }) {
    self.device = device
    self.halved = halved
  }
}

/// A network at its place: batches are cut to what the device's memory holds. What the device does not finish is
/// left to the CPU, whose bits are the same, and `Device.check` tells of it.
final class PlacedNetwork<Scalar: TensorScalar>: Sendable {
  private let network: DeviceNetwork<Scalar>
  private let place: DevicePlace
  /// How many images go through at once; none where all is left to the CPU.
  private let size = Mutex(DeviceNetwork<Scalar>.batch)

  /// Puts a network at a place; nil where it cannot be there.
  init?(_ network: CPLNetwork<Scalar>, at place: DevicePlace) {
    do {
      self.network = try DeviceNetwork(network, on: place.device, workers: .serial)
    } catch {
      place.device.fail(with: error)
      return nil
    }
    self.place = place
  }

  /// A forward pass that has been recorded on the device for a backward pass.
  struct Pass: Sendable {
    let images: Tensor<Scalar>
    fileprivate let pieces: [(images: Int, pass: DeviceNetwork<Scalar>.Pass)]
    fileprivate let network: PlacedNetwork

    var logits: Tensor<Scalar> { Tensor(joining: pieces.map(\.pass.logits)) }

    /// The gradient with respect to the images, given the one with respect to the logits; nil where it is left to the
    /// CPU.
    func inputGradient(_ logitGradient: Tensor<Scalar>) -> Tensor<Scalar>? {
      var (gradients, start): ([Tensor<Scalar>], Int) = ([], 0)
      for (images, pass) in pieces {
        do {
          gradients.append(
            try network.network.inputGradient(
              logitGradient.slice(start..<start + images), pass))
        } catch {
          _ = network.canGoOn(after: error, images: images)
          return nil
        }
        start += images
      }
      return Tensor(joining: gradients)
    }
  }

  /// The logits of images; nil where they are left to the CPU.
  func logits(_ images: Tensor<Scalar>) -> Tensor<Scalar>? {
    map(images) { piece throws(DeviceError) in try network.logits(piece) }
      .map { Tensor(joining: $0.map(\.result)) }
  }

  /// `body` of the network and of all of so many images, as many at once as fit; nil where it is left to the CPU.
  func map<Result>(
    _ count: Int, _ body: (DeviceNetwork<Scalar>, Range<Int>) throws(DeviceError) -> [Result]
  ) -> [Result]? {
    map(count) { range throws(DeviceError) in try body(network, range) }?.flatMap(\.result)
  }

  /// The same with what the gradient with respect to the images needs.
  func record(_ images: Tensor<Scalar>) -> Pass? {
    map(images) { piece throws(DeviceError) in try network.record(piece) }.map { pieces in
      Pass(
        images: images, pieces: pieces.map { (images: $0.images, pass: $0.result) }, network: self)
    }
  }

  private func map<Result>(
    _ images: Tensor<Scalar>, _ body: (Tensor<Scalar>) throws(DeviceError) -> Result
  ) -> [(images: Int, result: Result)]? {
    let count = images.shape[0]
    return map(count) { range throws(DeviceError) in
      try body(range.count == count ? images : images.slice(range))
    }
  }

  /// `body` of all images, as many at once as fit.
  private func map<Result>(
    _ count: Int, _ body: (Range<Int>) throws(DeviceError) -> Result
  ) -> [(images: Int, result: Result)]? {
    var results: [(images: Int, result: Result)] = []
    var start = 0
    while start < count {
      let size = size.withLock(\.self)
      guard size > 0 else { return nil }
      let range = start..<min(count, start + size)
      do {
        results.append((images: range.count, result: try body(range)))
        start = range.upperBound
      } catch {
        guard canGoOn(after: error, images: range.count) else { return nil }
      }
    }
    return results.isEmpty ? nil : results
  }

  /// Halves the batches where so many images did not fit; else leaves everything to the CPU from now on.
  private func canGoOn(after error: DeviceError, images: Int) -> Bool {
    if case .outOfMemory = error, images > 1 {
      let half = (images + 1) / 2
      size.withLock { $0 = min($0, half) }
      place.halved(half)
      return true
    }
    size.withLock { $0 = 0 }
    place.device.fail(with: error)
    return false
  }
}

extension CPLNetwork {
  /// `body` of the network on its device and of all of so many images, as many at once as fit there: it is called
  /// again for fewer images where it lacked memory. Nil for a network on the CPU, and where all is left to the CPU.
  package func mapOnDevice<Result>(
    _ count: Int, _ body: (DeviceNetwork<Scalar>, Range<Int>) throws(DeviceError) -> [Result]
  ) -> [Result]? {
    place?.map(count, body)
  }

  /// The same network, whose logits and gradients with respect to images are computed at a place from now on, with
  /// the same bits. It stays on the CPU where the device cannot compute a layer or hold its numbers, which
  /// `Device.check` tells; and leaves the device when a layer changes.
  package func placed(at place: DevicePlace) -> CPLNetwork {
    var network = self
    network.place = PlacedNetwork(self, at: place)
    return network
  }
}
