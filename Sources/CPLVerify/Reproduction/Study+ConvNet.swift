// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// What studies of the ConvNet have in common.
extension Study {
  /// The ConvNet's width, and the layers of a block.
  static func size(for experiment: ExperimentConfiguration) -> (width: Int, depth: Int) {
    experiment.name == "cpl-tiny" ? (width: 8, depth: 1) : (width: 16, depth: 5)
  }

  /// The ConvNet with a kind of layers, for an experiment's images and classes.
  static func convNet(
    _ layer: String, terms: Int? = nil, for experiment: ExperimentConfiguration
  ) -> ModelConfiguration {
    let size = size(for: experiment)
    var recipe = ConvNetRecipe(layer: layer, width: size.width, depth: size.depth)
    (recipe.image, recipe.classes) = (experiment.model.image, experiment.model.classes)
    recipe.terms = terms
    return .convNet(recipe)
  }

  /// Figures that others published.
  struct Published: Sendable {
    /// Whose they are, and of what.
    let source: String
    /// By variant: clean accuracy, and certified accuracy at the first radii of `Epsilon.published`, in per cent.
    let rows: [(variant: String, perCent: [Double])]

    /// Of the ConvNet with width 16 and 5 layers a block.
    static let convNets = Published(
      source:
        "The published ConvNet XS (width 16, 5 layers a block) after 24 hours on an A100, CIFAR-10: quoted from the "
        + "logs in the repository of Prach, Brau, Buttazzo and Lampert, CVPR 2024. Other training, for longer: not to be "
        + "compared with the rows above, but among themselves",
      rows: [
        ("aol", [71.7, 59.1, 45.2, 32.4]), ("cayley", [73.1, 59.5, 45.2, 31.9]),
        ("cpl", [74.9, 62.5, 48.5, 35.2]), ("sll", [73.7, 61.0, 46.8, 34.4]),
        ("soc", [74.1, 61.3, 47.8, 34.7]),
      ])
  }
}
