import CPLDatasets
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
  /// Depths, channels, inner widths, the images' height and width, the pooling's window, and with LLN the number
  /// of classes follow from the shapes; what does not is in `settings`. The step of a layer with a
  /// stored σ̂ is 2/(σ̂² + 1e-4), of one without 0: it is set when the network is judged.
  ///
  /// - Throws: `ReferenceError.invalid` naming the tensor that is missing, too many, of another
  ///   shape, or holds numbers that are not finite.
  func network(_ settings: UnstoredSettings) throws -> Reading {
    var tensors = try PublishedTensors(self, network: settings.network)
    var configuration = try configuration(tensors, settings)
    let (mean, deviation, normalizationNotes) = try normalization(
      settings, tensors.normalization, of: configuration)
    configuration.image.channels = mean.count
    if let (key, expected, found) = configuration.problem {
      throw invalid("the network's \(key)", expected: expected, found: found)
    }
    var layers = configuration.layers(mean: mean, standardDeviation: deviation)
    for (index, stem) in PublishedNames.stems(of: layers).enumerated() {
      guard layers[index].value is any SteppedKind else { continue }
      let name = stem + PublishedNames.spectralNorm
      let spectralNorm = try tensors.takeNumber(name) ?? 0
      // A σ̂ so large that the step is 0 is executed as that: a step of 0 by the power method's rule
      // would be one that is not known.
      let step = spectralNorm == 0 ? 0 : StepSize.fromEstimate(spectralNorm)
      let rule = step == 0 && spectralNorm > 0 ? StepRule.fixed : .power
      guard spectralNorm >= 0, step.isFinite else {
        throw invalid(
          tensors.prefix + name, expected: "a spectral norm, not negative",
          found: "\(spectralNorm)")
      }
      layers[index] = layers[index].with(StepSize(rule: rule, value: step))
    }
    let reading = try network(of: layers, &tensors)
    var notes = normalizationNotes
    if settings.padding == nil, configuration.channels > mean.count {
      notes.append("how channels are added is not stored: taken as zeros; --padding sets it")
    }
    if configuration.head != .lln, settings.classes == nil {
      notes.append(
        "it has no last layer normalised: taken to pool by '\(configuration.head.rawValue)' into "
          + "\(configuration.classes) classes; --head and --classes set it")
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
    for (index, stem) in PublishedNames.stems(of: layers).enumerated() {
      parameters.append(
        try layers[index].parameterShapes.map { try tensors.take(stem + $0.name, $0.shape) })
      buffers.append(
        try layers[index].bufferShapes.map {
          try tensors.take(stem + PublishedNames.powerVector, [1] + $0.shape, as: $0.shape)
        })
      guard let kind = layers[index].value as? any SteppedKind else { continue }
      state.spectralNorms[names[index]] = try tensors.takeNumber(stem + PublishedNames.spectralNorm)
      if type(of: kind).hasUnusedNumber {
        state.alphas[names[index]] = try tensors.takeNumber(stem + PublishedNames.alpha)
      }
    }
    try tensors.checkAllTaken()
    return Reading(
      network: CPLNetwork(layers, parameters: parameters, buffers: buffers),
      state: state, notes: tensors.notes)
  }

  /// The sizes that the shapes tell.
  private func configuration(
    _ tensors: PublishedTensors, _ settings: UnstoredSettings
  ) throws -> ModelConfiguration {
    let convolutions = tensors.count(PublishedNames.convolution, with: "kernel")
    let linears = tensors.count(PublishedNames.linear, with: "weights")
    let kernel = try tensors.shape(PublishedNames.convolution(0) + "kernel", rank: 4)
    let image = try tensors.shape(
      PublishedNames.convolution(0) + PublishedNames.powerVector, rank: 4)
    let hasHead = tensors.contains(PublishedNames.head + "weight")
    let head = hasHead ? try tensors.shape(PublishedNames.head + "weight", rank: 2) : nil
    guard !hasHead || (settings.pooling == nil && settings.classes == nil) else {
      throw ReferenceError.mismatch(
        expected: "nothing said of the head of \(path), which stores it",
        found: "a head or a number of classes")
    }
    let linear =
      linears > 0 ? try tensors.shape(PublishedNames.linear(0) + "weights", rank: 2) : nil
    guard convolutions <= 1000, linears <= 1000,
      (kernel + image + (head ?? []) + (linear ?? [])).allSatisfy({ $0 < 1 << 20 })
    else {
      throw invalid("", expected: "a network of a possible size", found: "a larger one")
    }
    var configuration = ModelConfiguration(
      convolutionLayers: convolutions, channels: kernel[1], convolutionInner: kernel[0],
      linearLayers: linears, linearInner: linear?[0] ?? 1,
      head: hasHead ? .lln : (settings.pooling ?? .truncate).head,
      classes: head?[0] ?? settings.classes ?? 10,
      image: ImageShape(channels: 3, height: image[2], width: image[3]))
    configuration.kernel = kernel[3]
    configuration.padding = settings.padding ?? .zero
    if let features = linear?[1] ?? head?[1] {
      let hidden = configuration.image.with(channels: kernel[1])
      let window = (1...min(hidden.height, hidden.width)).first {
        hidden.isTiled(by: $0) && hidden.pooled(by: $0).count == features
      }
      guard let window else {
        throw invalid(
          tensors.prefix + (linears > 0 ? PublishedNames.linear(0) : PublishedNames.head),
          expected: "the features of \(kernel[1]) channels on \(image[2])×\(image[3]) pixels, "
            + "pooled", found: "\(features) features")
      }
      configuration.pooling = window
    }
    if !hasHead, configuration.features < configuration.classes {
      throw invalid(
        "", expected: "at most \(configuration.features) classes, one a feature",
        found: "\(configuration.classes) classes")
    }
    return configuration
  }
}

extension FeaturePooling {
  /// The head that pools so.
  var head: ModelConfiguration.Head {
    switch self {
    case .truncate: .trunc
    case .mean: .mean
    case .max: .max
    }
  }
}
