extension CPLNetwork {
  /// A forward pass that has been recorded for a backward pass.
  public struct Pass: Sendable {
    /// N×classes.
    public let logits: Tensor<Scalar>
    fileprivate let records: [LayerRecord<Scalar>]
  }

  /// The logits of a batch, and what the backward pass needs.
  public func record(_ images: Tensor<Scalar>, recording: Recording, workers: Workers) -> Pass {
    var values = images
    var records: [LayerRecord<Scalar>] = []
    for layer in layers {
      let (output, record) = layer.forward(values, recording: recording, workers: workers)
      values = output
      records.append(record)
    }
    return Pass(logits: values, records: records)
  }

  /// The gradient with respect to the images of the number whose gradient with respect to the
  /// logits is given.
  public func inputGradient(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass, workers: Workers
  ) -> Tensor<Scalar> {
    zip(layers, pass.records).reversed().reduce(logitGradient) {
      $1.0.inputGradient($0, $1.1, workers: workers)
    }
  }

  /// The gradients with respect to the images and to each layer's parameters (steps among them, σ̂
  /// not yet followed: see `PowerMethod`).
  public func backward(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass, workers: Workers
  ) -> (images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    var gradient = logitGradient
    var gradients: [LayerGradient<Scalar>] = []
    for (layer, record) in zip(layers, pass.records).reversed() {
      let (input, parameters) = layer.backward(gradient, record, workers: workers)
      gradient = input
      gradients.append(parameters)
    }
    return (gradient, gradients.reversed())
  }

  /// The name of the first layer whose output on `images` has an element that is not finite, or
  /// whose parameters have one.
  public func firstNonFiniteLayer(_ images: Tensor<Scalar>, workers: Workers) -> String? {
    var values = images
    for layer in layers {
      values = layer.forward(values, recording: .nothing, workers: workers).output
      if !values.isFinite || layer.parameters.contains(where: { !$0.value.isFinite }) {
        return layer.name
      }
    }
    return nil
  }
}
