// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// A configuration with every key that it may have, and what each means.
package enum ConfigurationReference {
  private typealias Key = (path: String, meaning: String)

  /// What the keys mean, and their defaults; those without one have to be given.
  private static let keys: [Key] =
    [
      ("name", "the experiment's name in results"),
      ("model.convolution_layers", "how many convolutional layers"),
      ("model.channels", "their channels"),
      ("model.convolution_inner", "their hidden channels; default 5"),
      ("model.kernel", "height and width of their kernels, odd; default 3"),
      ("model.linear_layers", "how many dense layers"),
      ("model.linear_inner", "their hidden units"),
      ("model.layer", "of a ConvNet: aol, cayley, cpl, sll or soc"),
      ("model.width", "its channels before the first block: XS 16, S 32, M 64, L 128"),
      ("model.depth", "layers of each of its blocks; 5 in the published networks"),
      ("model.blocks", "each halves height and width; default 5"),
      ("model.terms", "of SOC layers, the last power in their series; default 12"),
      ("model.activation", "of a ConvNet, behind each layer: max-min or relu; default max-min"),
      ("model.head", "lln (last layer normalised), trunc, mean or max; default lln"),
      ("model.padding", "how images get to so many channels: zero or clone; default zero"),
      ("model.pooling", "height and width of the pooling window; default 4"),
      ("model.classes", "default 10"),
      ("model.image_channels", "default 3"),
      (
        "model.image_side",
        "height and width of square images; default 32; others have image_height and image_width"
      ),
      ("model.image_height", "with image_width in the place of image_side, of other images"),
      ("model.image_width", "see image_height"),
      (
        "model.step_numerator",
        "c in the step c/(σ̂² + 1e-4); default 2, with more the network is not 1-Lipschitz"
      ),
      ("training.epochs", "passes over the training images; default 200"),
      ("training.batch", "images a step; default 256"),
      ("training.learning_rate", "the schedule's highest; default 0.001"),
      (
        "training.schedule",
        "triangular, the paper's, or one_cycle, PyTorch's OneCycleLR; default triangular"
      ),
      ("training.loss", "margin or cross_entropy; default margin"),
      ("training.margin", "of the margin loss; default 0.7"),
      ("training.offset", "what cross_entropy lowers the label's logit by; default 2√2·36/255"),
      ("training.temperature", "of cross_entropy; default 0.25"),
      ("training.optimizer", "adam, or sgd with Nesterov's momentum; default adam"),
      ("training.momentum", "of sgd; default 0.9"),
      ("training.weight_decay", "of sgd; default 0"),
      ("training.seed", "what everything random comes from; default 0"),
      (
        "training.validation",
        "training images held out to choose the best epoch, at most a fifth; default 2000"
      ),
      ("training.norm_input", "divide images by their standard deviation; default false"),
    ]
    + Quirk.all.map { ("training.profile.\($0.name)", "\($0.summary); default false") }
    + [
      ("data.dataset", "the data set that it is for, as --dataset names it; default any"),
      ("data.mean", "what is subtracted from each channel; default the data set's"),
      ("data.std", "what each channel is divided by under norm_input; default the data set's"),
      ("data.crop_padding", "pixels added at each edge before a random crop; default 4"),
      ("data.flip", "mirror half of the images; default as the data set allows"),
    ]

  /// The configuration as YAML that `train` reads, each key with its meaning; keys that it leaves to their
  /// defaults are comments.
  package static func text(_ experiment: ExperimentConfiguration) throws -> String {
    var lines = [
      "# A configuration with every key. 'model' may also be a list of layers, a 'convnet:', or have its keys",
      "# under 'sll:' for SDP-based Lipschitz layers (docs/formats.md). Under 'profile' stand the quirks of",
      "# the published pipeline: true is its behaviour, false corrects it.",
    ]
    var parents: [String] = []
    var seen: Set<String> = []
    for line in try experiment.yaml().split(separator: "\n").map(String.init) {
      let depth = line.prefix { $0 == " " }.count / 2
      guard let colon = line.firstIndex(of: ":"), !line.contains("- ") else {
        lines.append(line)
        continue
      }
      parents = parents.prefix(depth) + [line[..<colon].trimmed]
      // Recipes of other layers have their keys under these layers' name.
      let path = parents.filter { !ModelConfiguration.names.contains($0) }.joined(separator: ".")
      seen.insert(path)
      lines.append(annotated(line, keys.first { $0.path == path }?.meaning))
    }
    for section in ["training", "data"] {
      let missing = keys.filter { !seen.contains($0.path) && $0.path.hasPrefix("\(section).") }
      if !missing.isEmpty, section == "training" || !seen.contains(section) {
        lines.append("# \(section):")
      }
      lines += missing.map { key in
        annotated("#   \(key.path.dropFirst(section.count + 1)):", key.meaning)
      }
    }
    return lines.joined(separator: "\n")
  }

  /// A line with a comment behind it.
  private static func annotated(_ line: String, _ comment: String?) -> String {
    guard let comment else { return line }
    return line + String(repeating: " ", count: max(2, 34 - line.count)) + "# \(comment)"
  }
}
