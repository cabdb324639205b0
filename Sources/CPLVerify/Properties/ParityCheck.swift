// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Checks against another implementation.
enum ParityChecks {
  static let all: [any PropertyCheck] = [RecordedParity()]
}

/// Values that PyTorch computed, and what it computed them from (`fixtures/README.md`).
private struct RecordedValues {
  let path: String

  /// What PyTorch started from: binary32 numbers, widened.
  func input(_ name: String) throws -> Tensor<Double> {
    try HDF5File.open(path).readTensor(of: Float.self, from: "/inputs/\(name)").converted()
  }

  func labels(_ name: String) throws -> [Int] {
    try HDF5File.open(path).read(Int32.self, from: "/inputs/\(name)").elements.map { Int($0) }
  }

  /// What PyTorch computed in binary64.
  func output(_ name: String) throws -> [Double] {
    try HDF5File.open(path).read(Double.self, from: "/f64/\(name)").elements
  }
}

struct RecordedParity: PropertyCheck {
  let id = "parity.pytorch"
  let statement =
    "layers, loss, optimiser and a short training give the values that were recorded from PyTorch"
  let source = "fixtures/README.md"

  func run(_ context: CheckContext) throws -> Findings {
    guard let path = context.recordedValues else { throw NotApplicable("no recorded values") }
    let recorded = RecordedValues(path: path)
    let layers = try Self.layers(recorded, context)
    let outputs = layers.flatMap(\.outputs)
    let gradients = layers.flatMap(\.gradients)
    let training = try Self.training(recorded, context)
    var errors = outputs
    errors.append(try Self.lossError(recorded))
    errors.append(try Self.optimizerError(recorded, context))
    let quantity = "outputs: distance to PyTorch's binary64, relative to the largest"
    return Findings(
      [
        Measurement(quantity, worstOf: errors, .atMost, 1e-12),
        Measurement(
          "gradients: distance to PyTorch's binary64, relative to the largest",
          worstOf: gradients, .atMost, 1e-10),
        Measurement(
          "50 training steps: distance to PyTorch's binary64, relative to the largest",
          worstOf: training, .atMost, 1e-8),
      ],
      control: PositiveControl(
        "outputs of the layer in binary32",
        Measurement(quantity, worstOf: try Self.binary32(recorded), .atMost, 1e-12)))
  }

  private static func error(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count, !a.isEmpty else { return .infinity }
    let largest = b.reduce(0) { max($0, $1.magnitude) }
    let difference = zip(a, b).reduce(0.0) { worst, pair in
      let distance = (pair.0 - pair.1).magnitude
      return distance.isNaN ? .infinity : max(worst, distance)
    }
    return difference == 0 ? 0 : difference / largest
  }

  private static func layers(
    _ recorded: RecordedValues, _ context: CheckContext
  ) throws -> [(outputs: [Double], gradients: [Double])] {
    let pooled: [(FeaturePooling, String)] = [
      (.truncate, "trunc"), (.mean, "mean"), (.max, "max"),
    ]
    let small = ImageShape(channels: 3, height: 4, width: 4)
    let large = ImageShape(channels: 3, height: 8, width: 8)
    let normalization = LayerSpecification.normalize(
      mean: try recorded.input("normalize/mean").elements.map { Float($0) },
      standardDeviation: try recorded.input("normalize/std").elements.map { Float($0) },
      image: small)
    let plain: [(String, LayerSpecification)] =
      pooled.map {
        ("pooling_\($0.1)", .poolingLinear($0.0, features: 20, classes: 6))
      } + [
        ("padding_zero", .padding(.zero, image: small, channels: 6)),
        ("padding_clone", .padding(.clone, image: small, channels: 6)),
        ("normpool", .normPool(image: large, window: 4)), ("normalize", normalization),
      ]
    var found = try plain.map { group, specification in
      try values(context.network([specification], seed: 0).layers[0], group, recorded)
    }
    found.append(
      try values(
        context.altered(
          LastLayerNormalised(
            name: "head", weights: try recorded.input("lln/weight"),
            bias: try recorded.input("lln/bias"))), "lln", recorded))
    found.append(
      try values(
        context.altered(convolution(recorded, as: Double.self)), "conv", recorded))
    found.append(
      try values(
        context.altered(
          CPLLinear(
            name: "linear.0", weights: try recorded.input("linear/weight"),
            bias: try recorded.input("linear/bias"), stepRule: .power, stepSize: 0,
            powerVector: try recorded.input("linear/u").reshaped([20]))), "linear", recorded))
    return found
  }

  private static func convolution<Scalar: TensorScalar>(
    _ recorded: RecordedValues, as type: Scalar.Type
  ) throws -> CPLConvolution<Scalar> {
    CPLConvolution(
      name: "convolution.0", kernel: try recorded.input("conv/kernel").converted(),
      bias: try recorded.input("conv/bias").converted(), height: 8, width: 8, stepRule: .power,
      stepSize: 0, powerVector: try recorded.input("conv/u").reshaped([6, 8, 8]).converted())
  }

  /// A layer's output, gradients and, after one power iteration, u and h, next to the recorded ones.
  private static func values(
    _ layer: any Layer<Double>, _ group: String, _ recorded: RecordedValues
  ) throws -> (outputs: [Double], gradients: [Double]) {
    var (layer, outputs, gradients) = (layer, [Double](), [Double]())
    var iteration: PowerMethod<Double>?
    if var potential = layer as? any SteppedLayer<Double> {
      let step = PowerMethod(potential.linearMap, from: potential.powerVector, iterations: 1)
      potential.stepSize = StepSize.fromEstimate(step.estimate)
      (layer, iteration) = (potential, step)
      outputs.append(error(step.vector.elements, try recorded.output("\(group)/u_after")))
      outputs.append(error(step.outputVector.elements, try recorded.output("\(group)/v")))
    }
    let (output, record) = layer.forward(
      try recorded.input("\(group)/x"), recording: .everything, workers: .serial)
    outputs.append(error(output.elements, try recorded.output("\(group)/y")))
    let (input, gradient) = layer.backward(
      try recorded.input("\(group)/g"), record, workers: .serial)
    gradients.append(error(input.elements, try recorded.output("\(group)/grad_x")))
    for (index, (name, _)) in layer.parameters.enumerated() {
      var value = gradient.parameters[index]
      var path = "\(group)/grad_\(name == "weights" ? "weight" : name)"
      if index == 0, let iteration, let potential = layer as? any SteppedLayer<Double>,
        let step = gradient.derived.first
      {
        let h = potential.stepSize
        iteration.addGradient(
          potential.linearMap, newVectorThroughV: false,
          scale: -step * h * h * iteration.estimate, to: &value, workers: .serial)
        if group == "linear" { path += "_corrected" }
      }
      gradients.append(error(value.elements, try recorded.output(path)))
    }
    return (outputs, gradients)
  }

  private static func lossError(_ recorded: RecordedValues) throws -> Double {
    let (_, gradient) = MarginLoss(margin: 0.7)(
      try recorded.input("loss/logits"), labels: try recorded.labels("loss/labels"))
    return error(gradient.elements, try recorded.output("loss/grad_logits"))
  }

  private static func optimizerError(
    _ recorded: RecordedValues, _ context: CheckContext
  ) throws -> Double {
    var parameters = try recorded.input("adam/parameters")
    let gradients = try recorded.input("adam/gradients")
    let rates = try HDF5File.open(recorded.path).read(
      Double.self, from: "/inputs/adam/learning_rates"
    ).elements
    var adam = Adam<Double>(shapes: [parameters.shape])
    var steps: [Double] = []
    for (step, rate) in rates.enumerated() {
      adam.beginStep()
      adam.update(
        &parameters, at: 0,
        gradient: gradients.slice(step..<step + 1).reshaped(parameters.shape), learningRate: rate,
        workers: context.workers)
      steps += parameters.elements
    }
    return error(steps, try recorded.output("adam/parameters"))
  }

  /// A convolution in binary32, which misses the recorded output by its rounding.
  private static func binary32(_ recorded: RecordedValues) throws -> [Double] {
    var layer = try convolution(recorded, as: Float.self)
    let step = PowerMethod(layer.linearMap, from: layer.powerVector, iterations: 1)
    layer.stepSize = StepSize.fromEstimate(step.estimate)
    let output = layer.forward(
      try recorded.input("conv/x").converted(), recording: .nothing, workers: .serial
    ).output
    return [error(output.elements.map { Double($0) }, try recorded.output("conv/y"))]
  }

  /// The names of the recorded network's layers with parameters, and where they stand.
  private static let names: [(position: Int, layer: String, parameters: [String])] = [
    (2, "stable_block.0", ["kernel", "bias"]), (3, "stable_block.1", ["kernel", "bias"]),
    (4, "stable_block.2", ["kernel", "bias"]), (7, "layers_linear.1", ["weights", "bias"]),
    (8, "layers_linear.2", ["weights", "bias"]), (9, "last_last", ["weight", "bias"]),
  ]

  /// Fifty steps of training: losses and parameters.
  private static func training(
    _ recorded: RecordedValues, _ context: CheckContext
  ) throws -> [Double] {
    let specifications = ModelRecipe(
      convolutionLayers: 3, channels: 6, linearLayers: 2, linearInner: 24,
      image: ImageShape(channels: 3, height: 16, width: 16)
    ).layers(
      mean: try recorded.input("net/mean").elements.map { Float($0) },
      standardDeviation: [1, 1, 1])
    var parameters = [[Tensor<Double>]](repeating: [], count: specifications.count)
    var buffers = [[Tensor<Double>]](repeating: [], count: specifications.count)
    for (position, layer, names) in names {
      parameters[position] = try names.map { try recorded.input("net/parameters/\(layer)/\($0)") }
      buffers[position] = try specifications[position].bufferShapes.map {
        try recorded.input("net/buffers/\(layer)/u").reshaped($0.shape)
      }
    }
    var network = context.altered(
      CPLNetwork(specifications, parameters: parameters, buffers: buffers))
    var optimizer = Adam<Double>(
      shapes: network.layers.flatMap { $0.parameters.map(\.value.shape) })
    let images = try recorded.input("training/images")
    let labels = try recorded.labels("training/labels")
    let rates = try HDF5File.open(recorded.path).read(
      Double.self, from: "/inputs/training/learning_rates"
    ).elements
    var losses: [Double] = []
    for (step, rate) in rates.enumerated() {
      let batch = step % 5
      let (loss, _, gradients) = network.trainingGradient(
        images: images.slice(batch..<batch + 1).reshaped([16, 3, 16, 16]),
        labels: Array(labels[batch * 16..<(batch + 1) * 16]), loss: MarginLoss(margin: 0.7),
        densePowerGradient: false, workers: context.workers)
      losses.append(loss)
      optimizer.update(
        &network, gradients: gradients, learningRate: rate, workers: context.workers)
    }
    return [error(losses, try recorded.output("training/corrected/losses"))]
      + (try names.flatMap { position, layer, names in
        try zip(network.layers[position].parameters, names).map { parameter, name in
          error(
            parameter.value.elements,
            try recorded.output("training/corrected/parameters/\(layer)/\(name)"))
        }
      })
  }
}
