// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("The printed configuration")
struct ConfigurationReferenceTests {
  @Test("every built-in experiment is printed, each key explained, and reads back as itself")
  func builtIn() throws {
    for name in BuiltInExperiments.names {
      let experiment = try #require(try BuiltInExperiments.named(name))
      let text = try ConfigurationReference.text(experiment)
      #expect(try ExperimentConfiguration(yaml: text, path: name) == experiment)
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let isHeading = ["model:", "training:", "  profile:", "data:"].contains { $0 == line }
        #expect(isHeading || line.contains("  # "), "\(name): \(line)")
      }
      for key in ["lr-offset", "nan-tie", "crop_padding:", "norm_input", "step_numerator"] {
        #expect(text.contains(key), "\(name): \(key)")
      }
    }
  }

  @Test("a configuration that is a list of layers, or of other layers, is printed too")
  func others() throws {
    for model in [
      "{ convnet: { layer: aol, width: 16, depth: 5 } }",
      "{ sll: { convolution_layers: 1, channels: 4, linear_layers: 1, linear_inner: 8 } }",
      "[normalize: { channels: 3, side: 32 }, padding: { channels: 4 }, convolution: { inner: 5 }, "
        + "norm-pool: { window: 4 }, flatten, last-layer-normalised: { classes: 10 }]",
    ] {
      let experiment = try ExperimentConfiguration(
        yaml: "name: x\nmodel: \(model)\ntraining: {}\ndata: { flip: false }\n", path: "x")
      let text = try ConfigurationReference.text(experiment)
      #expect(try ExperimentConfiguration(yaml: text, path: "x") == experiment, "\(text)")
      #expect(
        !model.hasPrefix("{ convnet")
          || text.contains("# of a ConvNet: aol, cayley, cpl, sll or soc"))
    }
  }
}
