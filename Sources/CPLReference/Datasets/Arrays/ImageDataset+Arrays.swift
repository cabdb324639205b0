// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics

extension ImageDataset {
  /// The data set of two arrays, checked.
  init(
    name: String, images: StoredTensor, of imagePath: String, labels: StoredTensor,
    of labelPath: String, classes: Int
  ) throws {
    let layout = try ImageLayout(images, of: imagePath)
    let numbers = try labels.classNumbers(
      count: images.shape[0], classes: classes, of: labelPath)
    let pixels = try ImagePixels(images, of: imagePath)
    let (shape, channels) = (layout.shape, layout.shape.channels)
    switch pixels.values {
    case .bytes(let bytes):
      self.init(
        name: name, classes: classes, imageShape: shape,
        pixels: layout.isPlanar ? bytes : bytes.planar(channels: channels, plane: shape.planeCount),
        labels: numbers)
    case .numbers(let values):
      self.init(
        name: name, classes: classes, imageShape: shape,
        numbers: layout.isPlanar
          ? values : values.planar(channels: channels, plane: shape.planeCount),
        labels: numbers)
    }
    notes = [layout.note, pixels.note].compactMap(\.self)
  }
}

/// Where an array of images has its channels.
private struct ImageLayout {
  let shape: ImageShape
  /// Whether each channel is a plane of its own.
  let isPlanar: Bool
  /// What had to be assumed.
  private(set) var note: String?

  init(_ images: StoredTensor, of path: String) throws {
    let extents = images.shape
    guard [3, 4].contains(extents.count), extents.allSatisfy({ $0 > 0 }),
      extents.dropFirst().allSatisfy({ $0 <= 1 << 12 })
    else {
      throw ReferenceError.invalid(
        path: path, location: images.name, expected: "images N×C×H×W, N×H×W×C or N×H×W",
        found: "shape \(extents)")
    }
    guard extents.count == 4 else {
      shape = ImageShape(channels: 1, height: extents[1], width: extents[2])
      isPlanar = true
      note = "its images have no axis of channels: read as one channel each"
      return
    }
    let first = ImageShape(channels: extents[1], height: extents[2], width: extents[3])
    let last = ImageShape(channels: extents[3], height: extents[1], width: extents[2])
    // Square images tell where their channels are; of others the shorter axis is taken for them.
    isPlanar =
      first.isSquare || last.isSquare ? first.isSquare : first.channels <= last.channels
    shape = isPlanar ? first : last
    let other = isPlanar ? last : first
    if !shape.isSquare || other.isSquare && shape.count > 1 || other.channels < shape.channels {
      let text = extents.dropFirst().map(String.init).joined(separator: "×")
      note =
        "its images, of shape \(text), may have their channels first or last: read as channels "
        + (isPlanar ? "first, N×C×H×W" : "last, N×H×W×C")
    }
  }
}

/// The pixels of an array of images, in the array's order.
private struct ImagePixels {
  enum Values {
    case bytes([UInt8])
    /// In [0, 1].
    case numbers([Float])
  }

  let values: Values
  /// How they were read, where that is not as they are stored.
  private(set) var note: String?

  init(_ images: StoredTensor, of path: String) throws {
    func invalid(_ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: path, location: images.name, expected: expected, found: found)
    }
    let expected = "pixels in [0, 1], or bytes 0…255"
    switch images.format {
    case .uint8: values = .bytes(Array(images.contents()))
    case .bool: throw invalid(expected, "booleans")
    case .float64:
      let numbers = images.numbers.doubles()
      if let bytes = try Self.bytes(numbers, images, path) {
        (values, note) = (.bytes(bytes), Self.note(images.format))
        return
      }
      // The box is checked of what is stored; rounding does not leave it.
      var largest = 0.0
      let rounded = numbers.map { number in
        largest = max(largest, abs(Double(Float(number)) - number))
        return Float(number)
      }
      values = .numbers(rounded)
      if largest > 0 {
        note =
          "its pixels were rounded from binary64 to binary32, by up to \(Float(largest.nextUp).nextUp): "
          + "results are of the rounded images"
      }
    case .float32, .float16, .bfloat16:
      let numbers = images.numbers.floats().values
      if let bytes = try Self.bytes(numbers, images, path) {
        (values, note) = (.bytes(bytes), Self.note(images.format))
      } else {
        values = .numbers(numbers)
      }
    default:
      let numbers = images.numbers.integers()
      if let position = numbers.firstIndex(where: { !(0...255).contains($0) }) {
        let index = StoredTensor.index(of: position, in: images.shape)
        throw invalid("bytes 0…255 in \(images.format)", "\(numbers[position]) at \(index)")
      }
      (values, note) = (.bytes(numbers.map { UInt8($0) }), Self.note(images.format))
    }
  }

  private static func note(_ format: NumberFormat) -> String {
    "its pixels, whole numbers in 0…255 stored as \(format), are read as bytes"
  }

  /// The bytes that floating-point numbers stand for; nil for numbers in [0, 1].
  ///
  /// - Throws: `ReferenceError.invalid` for numbers that are neither.
  private static func bytes<Number: BinaryFloatingPoint>(
    _ numbers: [Number], _ images: StoredTensor, _ path: String
  ) throws -> [UInt8]? {
    guard let outside = numbers.firstIndex(where: { !(0...1).contains($0) }) else { return nil }
    let isByte = { (number: Number) in (0...255).contains(number) && number.rounded() == number }
    guard let other = numbers.firstIndex(where: { !isByte($0) }) else {
      return numbers.map { UInt8($0) }
    }
    let negative = numbers.firstIndex { $0 < 0 && $0.isFinite }
    // Which numbers the images have is told by the ones outside.
    let position = negative ?? (isByte(numbers[outside]) ? other : outside)
    let number = numbers[position]
    let reason =
      if negative != nil {
        ": images that were normalised; give them as they were before, and normalisation by --mean "
          + "and --std"
      } else if numbers.allSatisfy({ (0...255).contains($0) }), numbers.contains(where: { $0 > 2 })
      {
        ": divide the images by 255"
      } else {
        ""
      }
    let index = StoredTensor.index(of: position, in: images.shape)
    throw ReferenceError.invalid(
      path: path, location: images.name, expected: "pixels in [0, 1]",
      found: "\(number) at \(index)\(reason)")
  }
}

extension StoredTensor {
  /// The labels as class numbers: N whole numbers in any format, of whatever shape, or N rows of
  /// which one number is 1 and the others are 0.
  fileprivate func classNumbers(count: Int, classes: Int, of path: String) throws -> [Int] {
    func invalid(_ expected: String, _ found: String) -> ReferenceError {
      .invalid(path: path, location: name, expected: expected, found: found)
    }
    let isOneHot = shape == [count, classes] && classes > 1
    guard isOneHot || (shape.first == count && self.count == count) else {
      throw invalid("\(count) labels, one an image", "shape \(shape)")
    }
    guard isOneHot || format != .bool else {
      throw invalid(
        "labels that are class numbers 0…\(classes - 1)",
        "booleans, which separate two classes without naming them")
    }
    let values = try wholeNumbers(of: path)
    guard isOneHot else {
      if let position = values.firstIndex(where: { $0 < 0 || $0 >= Int64(classes) }) {
        let countsFromOne = !values.contains(0) && values.max() == Int64(classes)
        throw invalid(
          "labels in 0...\(classes - 1)",
          "\(values[position]) at \(position)\(countsFromOne ? ": these count from 1" : "")")
      }
      return values.map(Int.init)
    }
    return try (0..<count).map { image in
      let row = values[image * classes..<(image + 1) * classes]
      guard let label = row.firstIndex(of: 1), row.allSatisfy({ $0 == 0 || $0 == 1 }),
        row.reduce(0, +) == 1
      else { throw invalid("a single 1 among zeros in row \(image)", "other numbers") }
      return label - row.startIndex
    }
  }

  private func wholeNumbers(of path: String) throws -> [Int64] {
    guard format.isFloatingPoint else { return numbers.integers() }
    return try numbers.doubles().enumerated().map { position, number in
      guard let whole = Int64(exactly: number) else {
        throw ReferenceError.invalid(
          path: path, location: name, expected: "whole numbers", found: "\(number) at \(position)")
      }
      return whole
    }
  }
}

extension Array {
  /// Images whose channels lie side by side as images of one plane a channel.
  fileprivate func planar(channels: Int, plane: Int) -> [Element] {
    let image = channels * plane
    return indices.map { position in
      let (index, offset) = position.quotientAndRemainder(dividingBy: image)
      return self[index * image + offset % plane * channels + offset / plane]
    }
  }
}
