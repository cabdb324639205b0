// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

extension StateDictionary {
  /// A network that was read, what the file holds beside it, and what has to be told of the reading.
  struct Reading {
    let network: CPLNetwork<Float>
    let state: PublishedState
    let notes: [String]
  }

  /// The network whose parameters these tensors are, told from their names and shapes.
  ///
  /// What does not follow from them is in `settings`. The step of a layer with a stored σ̂ is
  /// 2/(σ̂² + 1e-4), of one without 0: it is set when the network is judged.
  ///
  /// - Throws: `ReferenceError.invalid` naming the tensor that is missing, too many, of another
  ///   shape, or holds numbers that are not finite.
  func network(_ settings: UnstoredSettings) throws -> Reading {
    var tensors = try PublishedTensors(self, network: settings.network)
    let sizes = try tensors.family.recipe(of: tensors, settings)
    var model = sizes.model
    model.recipe?.padding = settings.padding ?? .zero
    let (mean, deviation, normalizationNotes) = try normalization(
      settings, tensors.normalization, of: model, published: tensors.family.mean(of: model))
    model = model.with(imageChannels: mean.count)
    if let (key, expected, found) = model.problem {
      throw invalid("the network's \(key)", expected: expected, found: found)
    }
    var layers = try settings.applied(
      to: model.layers(mean: mean, standardDeviation: deviation).map(tensors.family.published),
      of: self)
    if let (expected, found) = LayerSpecification.problem(in: layers) {
      throw ReferenceError.mismatch(expected: "\(path): \(expected)", found: found)
    }
    for (index, stem) in tensors.stems(of: layers).enumerated() {
      guard let kind = layers[index].value as? any SteppedKind else { continue }
      let name = stem + type(of: kind).publishedSpectralNorm
      let spectralNorm = try tensors.takeNumber(name) ?? 0
      // A σ̂ so large that the step is 0 is executed as that: a step of 0 by the power method's rule
      // would be one that is not known.
      let regularization = kind.step.regularization
      let step =
        spectralNorm == 0
        ? 0 : StepSize.fromEstimate(spectralNorm, regularization: regularization)
      let rule = step == 0 && spectralNorm > 0 ? StepRule.fixed : .power
      guard spectralNorm >= 0, step.isFinite else {
        throw invalid(
          tensors.prefix + name, expected: "a spectral norm, not negative",
          found: "\(spectralNorm)")
      }
      layers[index] = layers[index].with(
        StepSize(rule: rule, value: step, regularization: regularization))
    }
    let reading = try network(of: layers, &tensors)
    var notes = sizes.notes.filter(settings.leavesOpen) + normalizationNotes
    if settings.padding == nil, model.recipe != nil, model.channels > mean.count {
      notes.append("how channels are added is not stored: taken as zeros; --padding sets it")
    }
    return Reading(
      network: reading.network, state: reading.state, notes: notes + reading.notes)
  }

  /// The network of `layers` with these tensors.
  ///
  /// - Precondition: the layers fit together.
  func network(
    of layers: [LayerSpecification], _ tensors: inout PublishedTensors
  ) throws -> Reading {
    var state = PublishedState()
    state.prefix = tensors.prefix
    var parameters: [[Tensor<Float>]] = []
    var buffers: [[Tensor<Float>]] = []
    let names = CPLNetwork<Float>.names(of: layers)
    for (index, stem) in tensors.stems(of: layers).enumerated() {
      let kind = layers[index].value
      let family = tensors.family
      parameters.append(try family.takeParameters(of: kind, at: stem, from: &tensors))
      buffers.append(
        try tensors.take(family.buffers(of: kind), at: stem, as: kind.bufferShapes))
      guard let kind = kind as? any SteppedKind else { continue }
      state.spectralNorms[names[index]] = try tensors.takeNumber(
        stem + type(of: kind).publishedSpectralNorm)
      if let name = type(of: kind).publishedUnusedNumber {
        state.alphas[names[index]] = try tensors.takeNumber(stem + name)
      }
    }
    try tensors.checkAllTaken()
    return Reading(
      network: CPLNetwork(layers, parameters: parameters, buffers: buffers),
      state: state, notes: tensors.notes)
  }
}
