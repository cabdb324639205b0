// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLCertificates
import CPLNetworks

extension CertifiedNetwork {
  /// Why an image inside its certified ball has another class.
  ///
  /// A search ends next to a boundary, where rounding decides the class of any network. Rounding is
  /// the cause only when the class does not change in binary64 a little farther out either, as far
  /// as the certificate reaches.
  func cause(
    of adversarial: [Float], original: [Float], radius: Double, workers: Workers
  ) throws -> Violation.Cause {
    let ball = Ball(center: original[...], radius: radius)
    guard ball.contains(adversarial) else { return .budget }
    let distance = Ball.distance(adversarial, original)
    let reach = distance > 0 ? min(radius / distance, 1.001) : 1
    let points: [Double] = [0, 1, reach].flatMap { (share: Double) -> [Double] in
      original.indices.map { index in
        let (start, end) = (Double(original[index]), Double(adversarial[index]))
        return start + share * (end - start)
      }
    }
    let shape = network.binary32.inputShape
    let classes = network.binary64.logits(
      Tensor(shape: [3] + shape, elements: points), workers: workers
    ).rowMaxima
    if classes[1] == classes[0], classes[2] == classes[0] { return .rounding }
    guard !kind.isProved else { return .certificate }
    let assumed = try radii(
      EvaluatedBatch(
        Tensor(shape: [1] + shape, elements: original), network, workers: workers)
    )[0].lipschitz
    return network.verified.bounds.lipschitzUpperBound > assumed ? .lipschitz : .certificate
  }
}
