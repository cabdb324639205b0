// Results of earlier stages put together again from what a file holds.

import CPLReference

extension SpectralNormEnclosure {
  package init(stored lowerBound: Double, upperBound: Double, estimate: Double, method: Method) {
    self.init(
      lowerBound: lowerBound, upperBound: upperBound, estimate: estimate, method: method)
  }
}

extension LayerBounds {
  package init(
    stored name: String, kind: String, spectralNorm: SpectralNormEnclosure?,
    modelEstimate: Double?, freshEstimate: Double?, stepSize: Float?, stepRule: StepRule?,
    lipschitzUpperBound: Double
  ) {
    self.init(
      name: name, kind: kind, spectralNorm: spectralNorm, modelEstimate: modelEstimate,
      freshEstimate: freshEstimate, stepSize: stepSize, stepRule: stepRule,
      lipschitzUpperBound: lipschitzUpperBound)
  }
}

extension NetworkBounds {
  package init(stored layers: [LayerBounds], lipschitzUpperBound: Double) {
    self.init(layers: layers, lipschitzUpperBound: lipschitzUpperBound)
  }
}

extension AuditedImage {
  package init(
    stored index: Int, label: Int, prediction: Int, binary32Prediction: Int, radius: Double,
    distance: Double, binary32OnlyDistance: Double, attack: String?, forwardPasses: Int,
    backwardPasses: Int, extent: Extent
  ) {
    self.init(
      index: index, label: label, prediction: prediction, binary32Prediction: binary32Prediction,
      radius: radius)
    self.distance = distance
    self.binary32OnlyDistance = binary32OnlyDistance
    self.attack = attack
    self.forwardPasses = forwardPasses
    self.backwardPasses = backwardPasses
    self.extent = extent
  }
}

extension Violation {
  package init(
    stored index: Int, label: Int, prediction: Int, adversarialPrediction: Int? = nil,
    radius: Double, distance: Double, attack: String, cause: Cause, original: [Float],
    adversarial: [Float]
  ) {
    self.init(
      index: index, label: label, prediction: prediction,
      adversarialPrediction: adversarialPrediction, radius: radius, distance: distance,
      attack: attack, cause: cause, original: original, adversarial: adversarial)
  }
}

extension AuditResult {
  package init(
    stored certificate: CertificateKind, plan: [String], images: [AuditedImage],
    violations: [Violation], excessLayers: [String]
  ) {
    self.init(
      certificate: certificate, plan: plan, images: images, violations: violations,
      excessLayers: excessLayers)
  }
}
