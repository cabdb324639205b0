// SPDX-License-Identifier: Apache-2.0

/// The mean and the standard deviation of a data set's pixels, channel by channel, in [0, 1].
public struct ChannelStatistics: Equatable, Sendable {
  /// The mean of each channel, of intensities in [0, 1].
  public let mean: [Float]
  /// The standard deviation of each channel.
  public let standardDeviation: [Float]
  /// Where these numbers are found, such as "in common use", unless the data set's authors or the paper
  /// state them: results then say so.
  package let source: String?

  package init(mean: [Float], standardDeviation: [Float], source: String? = nil) {
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.source = source
  }

  /// The statistics of all images of a data set.
  package init(of dataset: ImageDataset) {
    let (channels, pixels) = (dataset.imageShape.channels, dataset.imageShape.planeCount)
    var sums = [Double](repeating: 0, count: channels)
    var squares = sums
    for position in 0..<dataset.count {
      dataset.withPixels(at: position) { image in
        for channel in 0..<channels {
          for pixel in channel * pixels..<(channel + 1) * pixels {
            let value = Double(image[pixel])
            sums[channel] += value
            squares[channel] += value * value
          }
        }
      }
    }
    let count = Double(max(1, dataset.count * pixels))
    self.init(
      mean: sums.map { Float($0 / count) },
      standardDeviation: zip(sums, squares).map { sum, square in
        Float(max(0, square / count - sum / count * (sum / count)).squareRoot())
      })
  }
}
