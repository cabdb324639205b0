// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// An orthogonal circular convolution, with its sizes.
package struct CayleyConvolutionKind: WeightedKind {
  package static let codingName = "cayleyConvolution"
  package static let name = "cayley-convolution"
  package static let isCounted = true
  package static let family: String? = "cayley"

  /// The shape of the input.
  package let image: ImageShape
  /// The channels of the output.
  package let inner: Int
  /// k, odd: the taps of W, whose Cayley transform has as many as the image has pixels.
  package let kernel: Int
  /// Whether the transform is that of α W/‖W‖, as the published code has it.
  package var isNormalized = false

  package var shapes: (input: [Int], output: [Int])? {
    guard isPossible(image), arePossible(inner, kernel), kernel % 2 == 1, kernel < 64,
      max(image.height, image.width) <= 1024,
      // The transfer function.
      image.planeCount * image.channels * inner <= 1 << 25,
      // Taps that the published code leaves out.
      !isNormalized || kernel <= min(image.height, image.width)
    else { return nil }
    return (image.extents, image.with(channels: inner).extents)
  }

  package var parameterShapes: [(name: String, shape: [Int])] {
    [("weights", [inner, image.channels, kernel, kernel]), ("bias", [inner])]
      + (isNormalized ? [("alpha", [1])] : [])
  }

  /// Q, and its gradient for each piece; S and N in binary64. With one tap there is one matrix.
  package func derivedNumbers(pieces: Int) -> Double {
    let matrices = Double(kernel > 1 ? image.planeCount : 1)
    let (size, square) = (inner * image.channels, min(inner, image.channels))
    return matrices * (Double(size) * Double(3 + pieces) + 2 * Double(square) * Double(square))
  }

  package var summary: String {
    "Cayley convolution \(kernel)×\(kernel) to \(inner) channels\(isNormalized ? ", of α W/‖W‖" : "")"
  }

  package static var samples: [LayerSample] {
    [
      LayerSample([3, 6, 5], [.channels: 4, .kernel: 3]),
      LayerSample([4, 5, 4], [.channels: 2, .kernel: 3]), LayerSample([2, 3, 3], [.kernel: 5]),
      LayerSample([3, 1, 6], [.channels: 5, .kernel: 3]),
      LayerSample([4, 2, 2], [.channels: 3, .kernel: 1]),
    ]
  }

  package static let faults = CayleyFaults.all

  package func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    let spectrum = CayleySpectrum.convolution(
      outputs: inner, image: image, kernel: kernel)
    func layer(_ product: some AffineProduct<Scalar>) -> any Layer<Scalar> {
      CayleyLayer(
        name: name, LayerSpecification(self), parameters: parameters, spectrum, product)
    }
    guard kernel > 1 else {
      return layer(ConvolutionProduct(kernel: parameters[0], padding: .circular, image: image))
    }
    return layer(
      TorusProduct(weights: Tensor(shape: [image.planeCount, inner, image.channels]), image: image))
  }
}

extension CayleyConvolutionKind {
  private enum Field: String, CodingKey {
    case isNormalized = "normalized"
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: LayerField.self)
    image = try fields.image(channels: try fields.value(.inputChannels))
    inner = try fields.value(.channels)
    kernel = try fields.value(.kernel)
    let own = try decoder.container(keyedBy: Field.self)
    isNormalized = try own.decodeIfPresent(Bool.self, forKey: .isNormalized) ?? false
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: LayerField.self)
    try fields.encode(image.channels, forKey: .inputChannels)
    try fields.encode(inner, forKey: .channels)
    try fields.encode(kernel, forKey: .kernel)
    var own = encoder.container(keyedBy: Field.self)
    if isNormalized { try own.encode(true, forKey: .isNormalized) }
    try fields.encode(sidesOf: image)
  }

  package static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? {
    [.kernel: .integer(kernel)]
  }

  package init(following input: [Int], _ options: inout LayerOptions) throws {
    image = try input.asImage()
    inner = try options.integer(.channels, default: image.channels)
    kernel = try options.integer(.kernel, default: 3)
  }
}

extension LayerSpecification {
  /// An orthogonal circular convolution.
  package static func cayleyConvolution(
    image: ImageShape, channels: Int, kernel: Int
  ) -> LayerSpecification {
    .init(CayleyConvolutionKind(image: image, inner: channels, kernel: kernel))
  }
}
