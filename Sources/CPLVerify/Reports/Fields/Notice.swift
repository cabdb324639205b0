// SPDX-License-Identifier: Apache-2.0

/// What a reader must know before any number of a result: that the network judged is not the one in
/// the file, or rests on a guess. Every output shows it, also under `--quiet --json`.
package struct Notice: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// The steps are not those that the file holds or implies: another network was judged.
    case stepsReplaced = "steps_replaced"
    /// The images are not of the data set that the weights were trained on.
    case otherData = "other_data"
    /// Something that the file does not tell was taken for granted, such as the images' mean.
    case assumption
    /// The file was written by an earlier version, and does not bind what it should.
    case earlierFormat = "earlier_format"

    /// Whether it belongs into the first line of every output, beside the verdict.
    package var isHeadline: Bool { self == .stepsReplaced || self == .otherData }
  }

  package let kind: Kind
  /// One sentence, without a full stop.
  package let text: String

  package init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }
}
