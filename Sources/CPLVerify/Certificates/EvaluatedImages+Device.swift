// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension EvaluatedImages {
  /// Evaluates every image in both precisions on a device, which gives the CPU's bits. Whoever asks for logits
  /// from then on gets these.
  ///
  /// - Parameters:
  ///   - size: how many images go through at once to begin with.
  ///   - halved: called where the device's memory is too small for a batch, with the size of the next ones.
  ///   - progress: called with the number of images done in both precisions; may throw to stop.
  /// - Throws: `DeviceError` for a network that the device does not compute, and for a device that is lost or
  ///   has too little memory for a single image.
  public mutating func evaluate(
    on device: Device, batch size: Int = DeviceNetwork<Float>.batch, halved: (Int) -> Void,
    progress: (Int) throws -> Void
  ) throws {
    let narrow = try DeviceNetwork(network.binary32, on: device, workers: workers)
    let wide = try DeviceNetwork(network.binary64, on: device, workers: workers)
    var (start, size) = (0, size)
    while start < dataset.count {
      let positions = start..<min(dataset.count, start + size)
      let images = dataset.images(at: positions)
      guard let logits = try Self.logits(images, narrow, wide) else {
        size = (positions.count + 1) / 2
        halved(size)
        continue
      }
      for (row, position) in positions.enumerated() {
        binary32[position] = logits.binary32.row(row)
        binary64[position] = logits.binary64.row(row)
      }
      start = positions.upperBound
      try progress(start)
    }
  }

  /// The logits of a batch in both precisions; nil where fewer images may fit into the device's memory.
  private static func logits(
    _ images: Tensor<Float>, _ narrow: DeviceNetwork<Float>, _ wide: DeviceNetwork<Double>
  ) throws(DeviceError) -> (binary32: Tensor<Float>, binary64: Tensor<Double>)? {
    do {
      return (try narrow.logits(images), try wide.logits(images.converted()))
    } catch {
      if case .outOfMemory = error, images.shape[0] > 1 { return nil }
      throw error
    }
  }
}
