// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// How `PoolingLinear` makes one number of a group of features.
public enum FeaturePooling: String, Codable, Sendable, CaseIterable {
  /// The first `classes` features, each a class: the paper's head without LLN.
  case truncate = "trunc"
  /// √k times the mean of ⌊k⌋ neighbouring features, k = features/classes.
  case mean
  /// The largest of ⌊k⌋ neighbouring features.
  case max
}

/// A head without parameters. Lipschitz constant 1, but for `mean` √(k/⌊k⌋), which is 1 only when
/// the classes divide the features.
package struct PoolingLinear<Scalar: TensorScalar>: ParameterFreeLayer {
  /// For each output of `max` the position in the batch that it was chosen from.
  package typealias Cache = [Int]

  package let name: String
  package let pooling: FeaturePooling
  package let features: Int
  package let classes: Int

  package init(name: String, pooling: FeaturePooling, features: Int, classes: Int) {
    precondition(classes > 0 && features >= classes, "at least one feature a class")
    self.name = name
    self.pooling = pooling
    self.features = features
    self.classes = classes
  }

  package var inputShape: [Int] { [features] }
  package var outputShape: [Int] { [classes] }

  package var specification: LayerSpecification {
    .poolingLinear(pooling, features: features, classes: classes)
  }

  /// ⌊k⌋, the number of features of a class.
  package var groupSize: Int { features / classes }

  /// √k as rounded in this precision; `mean` multiplies by it.
  package var meanFactor: Scalar { Scalar((Double(features) / Double(classes)).squareRoot()) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    let batch = input.shape[0]
    var output = Tensor<Scalar>(shape: [batch, classes])
    var chosenFeatures: [Int] = []
    for index in 0..<batch * classes {
      let group = firstFeature(of: index)..<firstFeature(of: index) + groupSize
      switch pooling {
      case .truncate:
        output.elements[index] = input.elements[group.lowerBound]
      case .mean:
        let total = group.reduce(Scalar(0)) { $0 + input.elements[$1] }
        output.elements[index] = meanFactor * (total / Scalar(groupSize))
      case .max:
        let chosen = group.max { input.elements[$0] < input.elements[$1] }!
        output.elements[index] = input.elements[chosen]
        if recording != .nothing { chosenFeatures.append(chosen) }
      }
    }
    return (output, chosenFeatures)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = outputGradient.shape[0]
    var gradient = Tensor<Scalar>(shape: [batch, features])
    gradient.withUnsafeMutableElements { gradient in
      for index in 0..<batch * classes {
        let value = outputGradient.elements[index]
        switch pooling {
        case .truncate:
          gradient[firstFeature(of: index)] = value
        case .mean:
          let share = meanFactor * value / Scalar(groupSize)
          for offset in 0..<groupSize {
            gradient[firstFeature(of: index) + offset] = share
          }
        case .max:
          gradient[cache[index]] = value
        }
      }
    }
    return gradient
  }

  /// Where the features of one image's one class begin; `index` counts classes, then images.
  private func firstFeature(of index: Int) -> Int {
    let (image, label) = index.quotientAndRemainder(dividingBy: classes)
    return image * features + label * (pooling == .truncate ? 1 : groupSize)
  }
}

extension PoolingLinear: ClassificationHead {
  package var unitRows: Tensor<Scalar>? { nil }
}
