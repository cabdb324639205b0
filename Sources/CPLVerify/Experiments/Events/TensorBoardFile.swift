// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// A file of events that TensorBoard reads: records framed as TFRecord does, each an `Event` in the wire
/// format of protocol buffers, written by hand since a number under a name is all that is said.
///
/// A record is its length (8 bytes, little-endian), the masked CRC-32C of these, the bytes, and their masked
/// CRC-32C. Tags and steps: docs/formats.md.
package struct TensorBoardFile {
  private let descriptor: FileHandle
  private let path: String

  /// Makes a file whose name TensorBoard looks for, in the folder of another one; runs that are taken up have
  /// several.
  package static func create(beside neighbour: String, at time: Date) throws -> TensorBoardFile {
    let folder = URL(fileURLWithPath: neighbour).deletingLastPathComponent().path
    var seconds = Int(time.timeIntervalSince1970)
    while true {
      let path = "\(folder)/events.out.tfevents.\(seconds).cpl-verify"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor < 0, errno == EEXIST {
        seconds += 1
        continue
      }
      guard descriptor >= 0 else {
        throw ReferenceError.cannotCreate(path: path, reason: String(cString: strerror(errno)))
      }
      let file = TensorBoardFile(
        descriptor: FileHandle(fileDescriptor: descriptor, closeOnDealloc: true), path: path)
      try file.write(Self.record(Self.version(at: time)))
      return file
    }
  }

  /// Appends the figures of an event, if it has any.
  func append(_ event: RunEvent, at time: Date) throws {
    let (step, scalars) = Self.scalars(of: event)
    guard !scalars.isEmpty else { return }
    try write(Self.record(Self.event(scalars, step: step, at: time)))
  }

  private func write(_ bytes: [UInt8]) throws {
    do {
      try descriptor.write(contentsOf: Data(bytes))
    } catch {
      throw ReferenceError.inputOutput(path: path, reason: "\(error)")
    }
  }

  /// What is told of an event: its step and the numbers by their tags.
  static func scalars(of event: RunEvent) -> (step: Int, [(tag: String, value: Double)]) {
    let all: [(String, Double?)] =
      switch event.kind {
      case .begin, .end: []
      case .step:
        [
          ("train/loss", event.loss), ("train/learning_rate", event.learningRate),
          ("train/images_per_second", event.imagesPerSecond),
        ]
      case .epoch:
        [
          ("train/epoch_loss", event.loss), ("validation/accuracy", event.accuracy),
          ("validation/certified_accuracy", event.certifiedAccuracy),
        ]
      case .attacked:
        [
          ("audit/done", event.done.map(Double.init)),
          ("audit/broken", event.broken.map(Double.init)),
          ("audit/tightness_median", event.tightnessMedian),
          ("audit/images_per_second", event.imagesPerSecond),
        ]
      }
    return (
      event.globalStep ?? (event.done ?? 0) + (event.searched ?? 0),
      all.compactMap { tag, value in value.map { (tag, $0) } }
    )
  }

  // Fields of Event: 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary.
  // Of Summary: 1 value, repeated. Of Summary.Value: 1 tag (string), 2 simple_value (float).

  /// The event that every file begins with.
  package static func version(at time: Date) -> [UInt8] {
    double(1, time.timeIntervalSince1970) + bytes(3, Array("brain.Event:2".utf8))
  }

  package static func event(
    _ scalars: [(tag: String, value: Double)], step: Int, at time: Date
  ) -> [UInt8] {
    let summary = scalars.flatMap { tag, value in
      bytes(
        1,
        bytes(1, Array(tag.utf8)) + key(2, wire: 5) + littleEndian(Float(value).bitPattern))
    }
    return double(1, time.timeIntervalSince1970) + key(2, wire: 0) + variable(UInt64(max(0, step)))
      + bytes(5, summary)
  }

  private static func key(_ field: Int, wire: Int) -> [UInt8] {
    variable(UInt64(field << 3 | wire))
  }

  private static func double(_ field: Int, _ value: Double) -> [UInt8] {
    key(field, wire: 1) + littleEndian(value.bitPattern)
  }

  private static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
    key(field, wire: 2) + variable(UInt64(content.count)) + content
  }

  private static func variable(_ number: UInt64) -> [UInt8] {
    var (rest, bytes) = (number, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  /// The bytes of an event in their frame.
  package static func record(_ content: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(content.count))
    return length + littleEndian(maskedCRC(length)) + content + littleEndian(maskedCRC(content))
  }

  private static func maskedCRC(_ bytes: [UInt8]) -> UInt32 {
    let crc = crc32c(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  /// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78).
  package static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~crc
  }
}
