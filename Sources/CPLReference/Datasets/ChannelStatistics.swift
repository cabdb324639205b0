/// The mean and the standard deviation of a data set's pixels, channel by channel, in [0, 1].
public struct ChannelStatistics: Sendable {
  public let mean: [Float]
  public let standardDeviation: [Float]

  /// The numbers that the published pipeline uses for a data set. The built-in images, and data
  /// sets without published numbers, have the middle of the range and a quarter of it.
  public static func named(_ dataset: String) -> ChannelStatistics {
    switch dataset {
    case "cifar10":
      ChannelStatistics(
        mean: [0.491_399_755_166_628_4, 0.482_158_559_298_937_03, 0.446_530_913_373_161_8],
        standardDeviation: [0.247_032_251_417_999, 0.243_485_164_745_64, 0.261_587_839_260_496_28])
    case "cifar100":
      ChannelStatistics(
        mean: [0.5071, 0.4865, 0.4409], standardDeviation: [0.2673, 0.2564, 0.2762])
    default:
      ChannelStatistics(mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25])
    }
  }
}
