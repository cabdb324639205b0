// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension Ranks {
  /// The numbers of every rank, however many, in the order of ranks.
  func gather(_ numbers: [Float]) -> [[Float]] {
    gather(numbers.withUnsafeBytes { Array($0) }).map { bytes in
      bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / MemoryLayout<Float>.stride).map {
          bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Float>.stride, as: Float.self)
        }
      }
    }
  }

  /// Sends tensors to others while `body` runs, which receives what others send.
  func send<Result>(
    _ messages: [(Tensor<Float>, to: Int)], while body: () throws -> Result
  ) rethrows -> Result {
    var bytes: [(bytes: UnsafeRawBufferPointer, to: Int)] = []
    func add(_ rest: ArraySlice<(Tensor<Float>, to: Int)>) throws -> Result {
      guard let (tensor, to) = rest.first else { return try send(bytes, while: body) }
      return try tensor.elements.withUnsafeBytes {
        bytes.append(($0, to))
        return try add(rest.dropFirst())
      }
    }
    return try add(messages[...])
  }

  /// Receives a tensor of a shape.
  func receive(shape: [Int], from rank: Int) -> Tensor<Float> {
    Tensor(shape: shape) { elements in
      receive(
        UnsafeMutableRawBufferPointer(
          start: elements, count: shape.reduce(1, *) * MemoryLayout<Float>.stride), from: rank)
    }
  }

  /// Receives the elements of a tensor.
  func receive(into tensor: inout Tensor<Float>, from rank: Int) {
    let bytes = tensor.count * MemoryLayout<Float>.stride
    tensor.withUnsafeMutableElements {
      receive(UnsafeMutableRawBufferPointer(start: $0, count: bytes), from: rank)
    }
  }
}
