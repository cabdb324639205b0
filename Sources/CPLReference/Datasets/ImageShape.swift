// SPDX-License-Identifier: Apache-2.0

/// The size of an image: its channels, and the height and width of each.
///
/// Pixels lie channel by channel, in rows from the top down: `extents` are those of a tensor.
public struct ImageShape: Hashable, Sendable {
  /// The number of channels.
  public var channels: Int
  /// Rows of pixels.
  public var height: Int
  /// Columns of pixels.
  public var width: Int

  /// A shape with the given extents.
  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// The shape with these extents, C, H and W; nil where there are not three of them.
  package init?(extents: [Int]) {
    guard extents.count == 3 else { return nil }
    self.init(channels: extents[0], height: extents[1], width: extents[2])
  }

  /// C, H and W.
  public var extents: [Int] { [channels, height, width] }

  /// The number of pixels of a channel.
  package var planeCount: Int { height * width }

  /// The number of pixels of all channels.
  public var count: Int { channels * planeCount }

  package var isSquare: Bool { height == width }

  /// The same height and width with other channels.
  package func with(channels: Int) -> ImageShape {
    ImageShape(channels: channels, height: height, width: width)
  }

  /// Whether disjoint windows of `window`×`window` pixels tile the image.
  package func isTiled(by window: Int) -> Bool { height % window == 0 && width % window == 0 }

  /// The shape after pooling by windows that tile the image.
  package func pooled(by window: Int) -> ImageShape {
    ImageShape(channels: channels, height: height / window, width: width / window)
  }
}

/// Written as the list of the three extents.
extension ImageShape: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let shape = ImageShape(extents: try container.decode([Int].self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "channels, height and width")
    }
    self = shape
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(extents)
  }
}

extension ImageShape: CustomStringConvertible {
  public var description: String { "\(channels)×\(height)×\(width)" }
}
