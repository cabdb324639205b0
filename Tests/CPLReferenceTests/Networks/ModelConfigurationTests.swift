// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// A network as a configuration has it: a recipe, one of other layers, or a list of layers.
@Suite("ModelConfiguration")
struct ModelConfigurationTests {
  private static func read(_ model: String) throws -> ExperimentConfiguration {
    try ExperimentConfiguration(
      yaml: "name: x\nmodel:\(model)\ntraining:\n  epochs: 1\n", path: "x.yml")
  }

  private static let list = """

    - normalize: { channels: 3, side: 32 }
    - padding: { channels: 30 }
    - convolution: { inner: 5, repeat: 6 }
    - norm-pool: { window: 4 }
    - flatten
    - linear: { inner: 512, repeat: 3 }
    - last-layer-normalised: { classes: 10 }
    """

  private static let recipe = """

      convolution_layers: 6
      channels: 30
      linear_layers: 3
      linear_inner: 512
    """

  @Test("a list of layers is the network of the recipe that has the same layers")
  func list() throws {
    let (list, recipe) = (try Self.read(Self.list).model, try Self.read(Self.recipe).model)
    #expect(list.layers == recipe.layers && list.layers.count == 14)
    #expect(list.image == [3, 32, 32] && list.classes == 10)
    #expect(list.multiplyAdds == recipe.multiplyAdds)
    let normalized = list.layers(mean: [0.1, 0.2, 0.3], standardDeviation: [1, 2, 4])
    #expect(
      normalized[0]
        == .normalize(mean: [0.1, 0.2, 0.3], standardDeviation: [1, 2, 4], image: [3, 32, 32]))
    #expect(Array(normalized.dropFirst()) == Array(list.layers.dropFirst()))
  }

  @Test("a recipe may name its layers, and those of another kind stand under theirs")
  func named() throws {
    func indented(_ name: String) -> String {
      "\n  \(name):" + Self.recipe.replacing("\n", with: "\n  ")
    }
    let plain = try Self.read(Self.recipe)
    #expect(try Self.read(indented("cpl")) == plain)
    let sll = try Self.read(indented("sll"))
    #expect(
      sll.model.layers.map(\.kind)
        == plain.model.layers.map {
          ["convolution": "sll-convolution", "linear": "sll-linear"][$0.kind] ?? $0.kind
        })
  }

  @Test("what was read is written as it can be read again, defaults written out")
  func roundTrip() throws {
    let sll = "\n  sll:" + Self.recipe.replacing("\n", with: "\n  ")
    let other = """

      - normalize: { channels: 1, height: 4, width: 10 }
      - padding: { channels: 2, padding: clone }
      - soc-convolution: { terms: 8, repeat: 2 }
      - flatten:
      - sll-linear: { inner: 3 }
      - linear: { inner: 3, step_numerator: 1.1 }
      - pooling-linear: { pooling: max, classes: 2 }
      """
    let selecting = """

      - normalize: { channels: 2, side: 8 }
      - aol-convolution: { channels: 8, kernel: 3 }
      - max-min
      - aol-convolution: { kernel: 1, padding: zero, repeat: 2 }
      - first-channels: { channels: 4 }
      - pixel-unshuffle: { window: 2 }
      - max-pool: { window: 4 }
      - flatten
      - aol-linear
      - aol-linear: { inner: 6 }
      - max-min
      - first-channels: { channels: 5 }
      - pooling-linear: { pooling: trunc, classes: 3 }
      """
    #expect(
      try Self.read(selecting).model.layers.map { $0.value.shapes?.output ?? [] } == [
        [2, 8, 8], [8, 8, 8], [8, 8, 8], [8, 8, 8], [8, 8, 8], [4, 8, 8], [16, 4, 4], [16, 1, 1],
        [16], [16], [6], [6], [5], [3],
      ])
    for model in [Self.list, Self.recipe, sll, other, selecting] {
      let configuration = try Self.read(model)
      let yaml = try configuration.yaml()
      #expect(try ExperimentConfiguration(yaml: yaml, path: "x.yml") == configuration)
    }
    let yaml = try Self.read(Self.list).yaml()
    #expect(yaml.contains("kernel: 3") && yaml.contains("repeat: 6"))
  }

  @Test(
    "what is wrong is named with its place",
    arguments: [
      ("kernel: 4, inner: 5", "key 'model[2].convolution'", "possible", "keys and values"),
      ("inner: 5, kernle: 3", "key 'model[2].convolution.kernle'", "nearest: 'kernel'", "3"),
      ("inner: many", "key 'model[2].convolution.inner'", "a whole number", "many"),
      ("kernel: 3", "key 'model[2].convolution.inner'", "a whole number", "nothing"),
      ("inner: 5, repeat: 0", "key 'model[2].convolution.repeat'", "1 to 10000", "0"),
      ("inner: 5, repeat: 10001", "key 'model[2].convolution.repeat'", "1 to 10000", "10001"),
      ("inner: 5, repeat: 9999", "key 'model[2]'", "at most 10000 layers", "keys and values"),
      ("inner: [5]", "key 'model[2].convolution.inner'", "a single value", "a list"),
    ])
  func mistakes(options: String, place: String, expected: String, found: String) {
    Self.refuse(
      Self.list.replacing("inner: 5, repeat: 6", with: options), place, expected, found)
  }

  @Test(
    "layers that do not follow one another are refused",
    arguments: [
      ("- flatten\n", "", "key 'model[4].linear'", "'flatten' before it"),
      ("- norm-pool: { window: 4 }", "- norm-pool: { window: 5 }", "key 'model[3]", "possible"),
      ("- norm-pool: { window: 4 }", "- norm-pool: { window: 4, repeat: 2 }", "[3]", "repeat"),
      ("- flatten\n", "- flat\n", "key 'model[4]'", "nearest: 'flatten'"),
      ("- flatten\n", "- flatten: { a: 1 }\n", "key 'model[4].flatten.a'", "a known key"),
      ("- normalize: { channels: 3, side: 32 }\n", "", "key 'model[0]", "normalize"),
      ("- padding", "- normalize: { channels: 3, side: 32 }\n- padding", "[1]", "only at first"),
      ("- last-layer-normalised: { classes: 10 }", "", "key 'model'", "head"),
      (
        "last-layer-normalised: { classes: 10 }", "flatten", "key 'model[6]",
        "1920 features, not images"
      ),
      ("side: 32", "side: 99999999999999", "key 'model[0]", "possible"),
      ("channels: 3, side", "channels: -3, side", "key 'model[0]", "possible"),
    ])
  func order(text: String, other: String, place: String, expected: String) {
    Self.refuse(Self.list.replacing(text, with: other), place, expected, "")
  }

  @Test("a recipe of layers that have no step of their own takes none")
  func steps() {
    Self.refuse(
      "\n  sll:" + (Self.recipe + "\n  step_numerator: 1").replacing("\n", with: "\n  "),
      "key 'model.sll.step_numerator'", "none with layers of 'sll'", "1")
    Self.refuse(
      "\n  sll:" + (Self.recipe + "\n  kernl: 1").replacing("\n", with: "\n  "),
      "key 'model.sll.kernl'", "kernel", "unknown")
    Self.refuse(" text", "key 'model'", "a list", "'text'")
  }

  private static func refuse(
    _ model: String, _ place: String, _ expected: String, _ found: String
  ) {
    #expect {
      try Self.read(model)
    } throws: { error in
      guard
        case ReferenceError.invalid("x.yml", let location, let wanted, let seen)? =
          error as? ReferenceError
      else { return false }
      let isFit =
        location.contains(place) && wanted.contains(expected)
        && (found.isEmpty || seen.contains(found))
      if !isFit { Issue.record("\(location): \(wanted), \(seen)") }
      return isFit
    }
  }
}
