// SPDX-License-Identifier: Apache-2.0

import CPLBounds

/// What is proved of one layer, and what the model believes.
struct LayerFields: FieldList {
  typealias Record = LayerBounds

  let name = F("name", csv: "layer", .text, "the layer's name", \.name)
  let kind = F("kind", .text, "its kind", \.kind)
  let sigmaLower = F(
    "sigma_lower", .ratio, "a proved lower bound of its norm; empty without a norm",
    \.spectralNorm?.lowerBound)
  let sigmaModel = F(
    "sigma_model", .ratio, "the model's estimate from the stored vector; no proof",
    \.modelEstimate)
  let sigmaFresh = F(
    "sigma_fresh", .ratio, "the model's estimate from a new vector; no proof", \.freshEstimate)
  let sigmaUpper = F(
    "sigma_upper", .ratio, "a proved upper bound of its norm; inf: none was found",
    \.spectralNorm?.upperBound)
  let sigmaEstimate = F(
    "sigma_estimate", in: [.hdf5], .ratio, "Lanczos' value of its norm; no proof",
    \.spectralNorm?.estimate)
  let method = F(
    "sigma_method", csv: "method", in: [.hdf5, .csv], .text, "how the upper bound is proved",
    \.spectralNorm?.method)
  let stepSize = F("h", .ratio, "the executed step; empty without one", \.stepSize)
  let stepRule = F("step_rule", .text, "where the step comes from", \.stepRule)
  let lipschitzUpper = F(
    "lipschitz_upper", .ratio,
    "a proved upper bound of the layer's Lipschitz constant with that step", range: .distance,
    \.lipschitzUpperBound)
}

/// What is proved of the map before the head.
struct NetworkFields: FieldList {
  typealias Record = VerificationReport

  let lipschitzLower = F(
    "lipschitz_lower", .ratio, "proved, of the map before the head; empty: not looked for",
    range: .notNaN, \.lipschitzLowerBound)
  let lipschitzUpper = F(
    "lipschitz_upper", .ratio, "proved, of the map before the head", range: .distance,
    \.bounds?.lipschitzUpperBound)
}
