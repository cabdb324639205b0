// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("ExperimentConfiguration")
struct ExperimentConfigurationTests {
  private static let minimal = """
    name: small
    model:
      convolution_layers: 1
      channels: 4
      linear_layers: 1
      linear_inner: 8
    training:
      epochs: 3
    """

  private static func read(_ yaml: String) throws -> ExperimentConfiguration {
    try ExperimentConfiguration(yaml: yaml, path: "small.yml")
  }

  @Test(
    "every file of experiments/ is an experiment of its own name",
    arguments: [
      "cpl-tiny", "cpl-small", "cpl-small-nonrobust", "cpl-s", "cpl-m", "cpl-l", "cpl-xl",
    ])
  func experiments(name: String) throws {
    let path = Fixture.repository.appending(path: "experiments/\(name).yml")
    let configuration = try ExperimentConfiguration(
      yaml: try String(contentsOf: path, encoding: .utf8), path: path.path)
    #expect(configuration.name == name)
  }

  @Test("no file of experiments/ is left untested")
  func allExperiments() throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: Fixture.repository.appending(path: "experiments").path)
    #expect(files.count == 7)
  }

  @Test(
    "a key of other programs suggests the one that is meant",
    arguments: [
      ("lr", "learning_rate"), ("LR", "learning_rate"), ("batch_size", "batch"), ("bs", "batch"),
      ("n_epochs", "epochs"), ("num-epochs", "epochs"), ("learnig_rate", "learning_rate"),
      ("wd", "weight_decay"), ("lr_scheduler", "schedule"), ("optim", "optimizer"),
    ])
  func synonyms(key: String, meant: String) throws {
    let error = #expect(throws: ReferenceError.self) {
      try Self.read(Self.minimal + "\n  \(key): 1")
    }
    #expect("\(try #require(error))".contains("(nearest: '\(meant)')"))
  }

  @Test("another loss, optimiser and schedule are read and written as they are")
  func alternatives() throws {
    let text =
      Self.minimal
        + """

          schedule: one_cycle
          loss: cross_entropy
          offset: 0.39930717
          optimizer: sgd
          weight_decay: 1.0e-05
        """
    let experiment = try Self.read(text)
    let training = experiment.training
    #expect(training.schedule == .oneCycle && training.loss == .crossEntropy)
    #expect(training.offset == 0.39930717 && training.temperature == 0.25)
    #expect(training.optimizer == .sgd && training.momentum == 0.9)
    #expect(training.weightDecay == 1e-5)
    #expect(try Self.read(try experiment.yaml()) == experiment)
    #expect(!(try Self.read(Self.minimal).yaml()).contains("momentum"))
  }

  @Test(
    "a key that goes with another choice is refused, and so are impossible numbers",
    arguments: [
      ("momentum: 0.9", "optimizer: sgd"), ("weight_decay: 0", "optimizer: sgd"),
      ("offset: 1", "loss: cross_entropy"), ("loss: cross_entropy\n  margin: 1", "loss: margin"),
      ("loss: hinge", "margin, cross_entropy"), ("optimizer: lion", "adam, sgd"),
      ("schedule: cosine", "triangular, one_cycle"),
      ("optimizer: sgd\n  momentum: 1", "from 0 to below 1"),
      ("loss: cross_entropy\n  temperature: 0", "a positive number"),
      ("optimizer: sgd\n  weight_decay: -1", "0 or a positive number"),
    ])
  func impossibleChoices(lines: String, message: String) throws {
    let error = #expect(throws: ReferenceError.self) {
      try Self.read(Self.minimal + "\n  " + lines)
    }
    #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
  }

  @Test("a byte order mark before a configuration and line ends of other systems change nothing")
  func lineEnds() throws {
    let expected = try Self.read(Self.minimal)
    let path = NSTemporaryDirectory() + "/cpl-verify-\(UUID().uuidString).yml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in ["\u{FEFF}" + Self.minimal, Self.minimal.replacing("\n", with: "\r\n")] {
      for variant in [text, "\u{FEFF}# first\r\n" + text.replacing("\u{FEFF}", with: "")] {
        try Data(variant.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try Self.read(try InputFile.text(path)) == expected)
      }
    }
  }

  @Test("what is not written has the paper's value")
  func defaults() throws {
    let configuration = try Self.read(Self.minimal)
    #expect(configuration.model.recipe?.kernel == 3)
    #expect(configuration.model.recipe?.convolutionInner == 5)
    #expect(configuration.model.recipe?.head == .lln)
    #expect(configuration.model.recipe?.pooling == 4)
    #expect(configuration.training.batch == 256)
    #expect(configuration.training.learningRate == 1e-3)
    #expect(configuration.training.margin == 0.7)
    #expect(configuration.training.validation == 2000)
    #expect(configuration.training.profile == .corrected)
    #expect(!configuration.training.normalizeInput)
  }

  @Test("a configuration written as YAML is read back as it was, whatever it holds")
  func roundTrip() throws {
    var configuration = try Self.read(Self.minimal)
    configuration.name = "a: \"name\" # with 'marks'"
    configuration.model.recipe?.head = .mean
    configuration.model.recipe?.padding = .clone
    configuration.model.recipe?.channels = 6
    configuration.training.seed = .max
    configuration.training.normalizeInput = true
    configuration.training.profile = .published
    configuration.training.profile.nanTie = false
    for (rate, margin) in [
      (0.1 + 0.2, 1e-9), (1, 100), (.pi, .ulpOfOne), (1e30, .leastNonzeroMagnitude),
      (.greatestFiniteMagnitude, 1.0.nextUp),
    ] {
      configuration.training.learningRate = rate
      configuration.training.margin = margin
      #expect(try Self.read(configuration.yaml()) == configuration)
    }
  }

  @Test("one quirk can be switched on by its name")
  func quirk() throws {
    let configuration = try Self.read(
      Self.minimal + "\n  profile:\n    evaluation-mutates: true\n")
    var expected = Profile.corrected
    expected.evaluationMutates = true
    #expect(configuration.training.profile == expected)
    #expect(configuration.training.profile.name == "mixed")
  }

  @Test(
    "an unknown key is refused with the nearest known one",
    arguments: [
      ("nane: x\n", "key 'nane'", "name"),
      ("model:\n  chanels: 4\n", "key 'model.chanels'", "channels"),
      ("model:\n  linear_iner: 4\n", "key 'model.linear_iner'", "linear_inner"),
      ("training:\n  leaning_rate: 1\n", "key 'training.leaning_rate'", "learning_rate"),
      (
        "training:\n  profile:\n    lr_offset: true\n", "key 'training.profile.lr_offset'",
        "lr-offset"
      ),
    ])
  func unknownKey(yaml: String, location: String, nearest: String) {
    #expect(
      throws: ReferenceError.invalid(
        path: "small.yml", location: location, expected: "a known key (nearest: '\(nearest)')",
        found: "an unknown one")
    ) {
      try Self.read(yaml)
    }
  }

  @Test(
    "a missing key is named",
    arguments: [
      ("name: small\n", "name"), ("  channels: 4\n", "model.channels"),
      ("  linear_inner: 8\n", "model.linear_inner"), ("training:\n  epochs: 3", "training"),
    ])
  func missingKey(line: String, key: String) {
    let yaml = Self.minimal.replacingOccurrences(of: line, with: "")
    #expect(
      throws: ReferenceError.invalid(
        path: "small.yml", location: "key '\(key)'", expected: "a value", found: "nothing")
    ) {
      try Self.read(yaml)
    }
  }

  @Test(
    "a value of the wrong type, and an impossible one, are refused by the key's name",
    arguments: [
      ("channels: 4", "channels: many", "model.channels"),
      ("channels: 4", "channels: 4.5", "model.channels"),
      ("channels: 4", "channels: [4]", "model.channels"),
      ("channels: 4", "channels: 2", "model.channels"),
      ("channels: 4", "channels: 99999999999999999999", "model.channels"),
      ("channels: 4", "channels: 4\n  kernel: 4", "model.kernel"),
      ("channels: 4", "channels: 4\n  kernel: -1", "model.kernel"),
      ("channels: 4", "channels: 4\n  pooling: 5", "model.pooling"),
      ("channels: 4", "channels: 4\n  padding: clone", "model.channels"),
      ("channels: 4", "channels: 4\n  padding: half", "model.padding"),
      ("channels: 4", "channels: 4\n  head: tail", "model.head"),
      ("channels: 4", "channels: 4\n  classes: 1", "model.classes"),
      (
        "channels: 4", "channels: 4\n  head: max\n  classes: 300\n  pooling: 32", "model.head"
      ),
      ("linear_inner: 8", "linear_inner: 0", "model.linear_inner"),
      ("epochs: 3", "epochs: 0", "training.epochs"),
      ("epochs: 3", "epochs: true", "training.epochs"),
      ("epochs: 3", "seed: -1", "training.seed"),
      ("epochs: 3", "batch: 100000", "training.batch"),
      ("epochs: 3", "learning_rate: 0", "training.learning_rate"),
      ("epochs: 3", "learning_rate: .nan", "training.learning_rate"),
      ("epochs: 3", "learning_rate: .inf", "training.learning_rate"),
      ("epochs: 3", "margin: -0.7", "training.margin"),
      ("epochs: 3", "norm_input: 3", "training.norm_input"),
      ("epochs: 3", "profile: published", "training.profile"),
      ("epochs: 3", "profile:\n    nan-tie: maybe", "training.profile.nan-tie"),
    ])
  func wrongValue(old: String, new: String, key: String) {
    let yaml = Self.minimal.replacingOccurrences(of: old, with: new)
    let error = #expect(throws: ReferenceError.self) { try Self.read(yaml) }
    guard case .invalid(let path, let location, let expected, let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == "small.yml")
    #expect(location == "key '\(key)'")
    #expect(!expected.isEmpty && !found.isEmpty)
  }

  @Test(
    "text that is not a mapping in YAML is refused",
    arguments: [
      "", "3", "- name", "name: [", "\tname: x", "name: x\nname: y", "model: 3", "training: []",
      "a: &a [*a]", "\u{0}", "name: x\n---\nname: y",
    ])
  func notAMapping(yaml: String) {
    let error = #expect(throws: ReferenceError.self) { try Self.read(yaml) }
    guard case .invalid(let path, _, _, let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == "small.yml")
    #expect(!found.contains("\n"))
  }

  @Test("a model is held to the images it is for")
  func fits() throws {
    var configuration = try Self.read(Self.minimal)
    let images = SyntheticImages.make(count: 10, seed: 0, split: .test)
    try configuration.checkFits(images)
    configuration.model.recipe?.classes = 100
    #expect(throws: ReferenceError.self) { try configuration.checkFits(images) }
    configuration.model.recipe?.classes = 10
    configuration.model.recipe?.image = [3, 28, 28]
    #expect(throws: ReferenceError.self) { try configuration.checkFits(images) }
  }

  @Test("the nearest of several keys is the one of the fewest edits")
  func nearest() {
    #expect("kernle".nearest(among: ["kernel", "key", "channels"]) == "kernel")
    #expect("".nearest(among: ["long", "a"]) == "a")
    #expect("same".nearest(among: ["some", "same"]) == "same")
  }

  @Test("images have one extent or two, and each is written as it was read")
  func imageKeys() throws {
    func image(_ keys: String) throws -> (image: ImageShape, yaml: String) {
      let configuration = try Self.read(
        Self.minimal.replacing("  channels: 4", with: "  channels: 4\n" + keys))
      let yaml = try configuration.yaml()
      #expect(try Self.read(yaml) == configuration)
      return (configuration.model.image, yaml)
    }
    let square = try image("  image_side: 64")
    #expect(square.image == [3, 64, 64])
    #expect(square.yaml.contains("image_side: 64") && !square.yaml.contains("image_height"))
    let oblong = try image("  image_channels: 1\n  image_height: 20\n  image_width: 36")
    #expect(oblong.image == [1, 20, 36])
    #expect(oblong.yaml.contains("image_width: 36") && !oblong.yaml.contains("image_side"))
    #expect(try image("  image_width: 36").image == [3, 32, 36])
    for keys in ["  image_side: 32\n  image_height: 32", "  image_width: 3\n  image_side: 8"] {
      #expect(throws: ReferenceError.self) { try image(keys) }
    }
  }

  @Test("a configuration may say which data set it is for, and how its images are treated")
  func data() throws {
    let plain = try Self.read(Self.minimal)
    #expect(plain.data == nil)
    #expect(try !plain.yaml().contains("data"), "runs are told apart by this text")
    let yaml =
      Self.minimal
      + "\ndata:\n  mean: [0.1307, 0.1, 0.3333333]\n  flip: false\n  crop_padding: 2"
    let configuration = try Self.read(yaml)
    #expect(try Self.read(configuration.yaml()) == configuration)
    let images = SyntheticImages.make(count: 10, seed: 0, split: .train)
    #expect(
      configuration.augmentation(of: images) == .init(cropPadding: 2, mirrors: false))
    #expect(try configuration.normalization(of: images).mean == [0.1307, 0.1, 0.3333333])
    #expect(plain.augmentation(of: images) == .init(cropPadding: 4, mirrors: true))
    #expect(try plain.normalization(of: images).mean == [0.5, 0.5, 0.5])
    #expect(plain.assumptions(of: images).isEmpty)
    for (text, key) in [
      ("dataset: imagenet", "data.dataset"), ("mean: [0.1]", "data.mean"),
      ("mean: [0.1, .nan, 0]", "data.mean"), ("mean: [100, 100, 100]", "data.mean"),
      ("std: [0, 1, 1]", "data.std"), ("crop_padding: -1", "data.crop_padding"),
      ("mirror: true", "data.mirror"),
    ] {
      let error = #expect(throws: ReferenceError.self, "\(text)") {
        try Self.read(Self.minimal + "\ndata: {\(text)}")
      }
      #expect("\(try #require(error))".contains("'\(key)'"), "\(text)")
    }
  }

  @Test("a mean that nobody knows is asked for, with the one that the images have")
  func unknownMean() throws {
    let images = ImageDataset(
      name: "npy", classes: 2, imageShape: [1, 1, 2], pixels: [0, 51, 102, 255], labels: [0, 1])
    var configuration = try Self.read(Self.minimal)
    let error = #expect(throws: ReferenceError.self) {
      try configuration.normalization(of: images)
    }
    #expect("\(try #require(error))".contains("data.mean: that of the training images is [0.4]"))
    var data = DataConfiguration()
    data.mean = [0.25]
    configuration.data = data
    #expect(try configuration.normalization(of: images).standardDeviation == [1])
    configuration.training.normalizeInput = true
    #expect(throws: ReferenceError.self) { try configuration.normalization(of: images) }
    #expect(configuration.assumptions(of: images).contains { $0.contains("crops and mirrors") })
  }

  @Test("a step goes in parts where its batch takes more than half of the memory")
  func imagesAtOnce() throws {
    let experiment = try Self.read(Self.minimal)
    let whole = experiment.minimumMemory(imagesAtOnce: experiment.training.batch)
    func parts(_ memory: Int) -> Int? { experiment.imagesAtOnce(of: 50_000, memory: memory) }
    #expect(parts(2 * whole) == experiment.training.batch)
    #expect(experiment.imagesAtOnce(of: 50, memory: 2 * whole) == 50)
    let part = try #require(parts(2 * whole - 2))
    #expect(part == 128)
    #expect(parts(2 * experiment.minimumMemory(imagesAtOnce: 32)) == 32)
    let least = experiment.minimumMemory(imagesAtOnce: 8)
    #expect(parts(least) == 8)
    #expect(parts(least - 1) == nil)
  }
}
