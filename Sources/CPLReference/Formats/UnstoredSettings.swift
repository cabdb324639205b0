// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

/// What a published checkpoint does not tell of its network, and which of its networks is meant.
public struct UnstoredSettings: Equatable, Sendable {
  /// What the names of the network begin with, where a file has several.
  public var network: String?
  /// The mean that is subtracted from each channel. Where nil, the one that the file stores, or
  /// else the data set's, told from the images' height and width and the number of classes.
  public var mean: [Float]?
  /// What each channel is then divided by; where nil, what the file stores, or else 1.
  public var standardDeviation: [Float]?
  /// How channels are added; with zeros where nil.
  public var padding: ChannelPadding?
  /// The head of a network without LLN; `truncate` where nil.
  public var pooling: FeaturePooling?
  /// The number of classes of a network without LLN; 10 where nil.
  public var classes: Int?

  public init(
    network: String? = nil, mean: [Float]? = nil, standardDeviation: [Float]? = nil,
    padding: ChannelPadding? = nil, pooling: FeaturePooling? = nil, classes: Int? = nil
  ) {
    self.network = network
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.padding = padding
    self.pooling = pooling
    self.classes = classes
  }

  /// Throws where something is said of a file that needs nothing said.
  ///
  /// - Parameter file: the file and why, for the message.
  package func checkEmpty(_ file: String) throws {
    guard self == UnstoredSettings() else {
      throw ReferenceError.mismatch(
        expected: "nothing said of \(file)",
        found: "a network's prefix, a mean, a deviation, a padding, a head or a number of classes")
    }
  }

  /// Throws where something is said of a head that the file stores.
  func checkHead(of dictionary: StateDictionary) throws {
    guard pooling == nil, classes == nil else {
      throw ReferenceError.mismatch(
        expected: "nothing said of the head of \(dictionary.path), which stores it",
        found: "a head or a number of classes")
    }
  }
}
