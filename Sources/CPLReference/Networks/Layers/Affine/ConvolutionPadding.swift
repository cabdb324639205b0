// SPDX-License-Identifier: Apache-2.0

/// What a convolution takes for the pixels beyond the edges of an image.
public enum ConvolutionPadding: String, Codable, CaseIterable, Sendable {
  /// Zeros.
  case zero
  /// The pixels of the opposite edge: the image is a torus.
  case circular
}
