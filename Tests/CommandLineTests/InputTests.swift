// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("Inputs that are not what they should be")
struct InputTests {
  @Test(
    "a configuration is refused by the key that is wrong",
    arguments: [
      (
        "channels: 4", "chanels: 4",
        "key 'model.chanels': expected a known key (nearest: 'channels')"
      ),
      ("  linear_inner: 16\n", "", "key 'model.linear_inner': expected a value, found nothing"),
      (
        "channels: 4", "channels: four",
        "key 'model.channels': expected a whole number, found 'four'"
      ),
      ("channels: 4", "channels: 4.5", "found '4.5'"),
      ("channels: 4", "channels: [4]", "expected a single value, found a list"),
      ("channels: 4", "channels:", "found nothing"),
      ("channels: 4", "channels: -4", "key 'model.channels': expected 1 to 4096, found -4"),
      ("channels: 4", "channels: 99999999999999999999", "found '99999999999999999999'"),
      ("channels: 4", "channels: 4\n  channels: 5", "duplicated key(s): 'channels'"),
      ("channels: 4", "channels: 4\n  kernel: 2", "key 'model.kernel': expected an odd number"),
      (
        "channels: 4", "channels: 4\n  head: tail",
        "expected one of lln, trunc, mean, max, found 'tail'"
      ),
      ("channels: 4", "channels: 4\n  padding: half", "found 'half'"),
      ("epochs: 1", "epochs: -1", "key 'training.epochs': expected 1 to 100000, found -1"),
      ("epochs: 1", "seed: -1", "key 'training.seed': expected a whole number, not negative"),
      (
        "epochs: 1", "norm_input: 3", "key 'training.norm_input': expected true or false, found '3'"
      ),
      ("learning_rate: 1.0e-2", "learning_rate: .nan", "key 'training.learning_rate'"),
      ("learning_rate: 1.0e-2", "learning_rate: .inf", "key 'training.learning_rate'"),
      ("epochs: 1", "margin: 1.0e+300", "key 'training.margin'"),
      (
        "channels: 4", "channels: 4\n  classes: 100", "expected a model for the images of synthetic"
      ),
    ])
  func configuration(old: String, new: String, message: String) throws {
    let yaml = TinyConfiguration.yaml(replacing: old, by: new)
    try #require(yaml != TinyConfiguration.yaml)
    try refuse(configuration: Array(yaml.utf8), message)
  }

  @Test(
    "a text that is no configuration is refused",
    arguments: [
      ("", "found nothing"), ("hello", "found 'hello'"), ("- a", "found a list"),
      ("a: [b: {", "expected YAML"), ("name: a\n---\nname: b\n", "expected a single document"),
      (String(repeating: "[", count: 200_000), "expected YAML"),
      (String(repeating: "# more\n", count: 200_000), "at most 1048576 bytes"),
    ])
  func text(text: String, message: String) throws {
    try refuse(configuration: Array(text.utf8), message)
  }

  @Test("bytes that are no text, a folder, a device and nothing are no configuration")
  func otherThings() throws {
    try refuse(configuration: [0xff, 0xfe, 0x00], "expected text in UTF-8")
    for (name, code, message) in [
      ("run", 65, "found a folder"), ("/dev/null", 65, "found a device or pipe"),
      ("nothing.yml", 66, "no such file"), ("tiny.yml/below", 66, "no such file"),
    ] as [(String, Int32, String)] {
      expectRefusal(
        try Program.run("train \(name) --out new", in: SampleRun.folder), code: code, name, message)
    }
  }

  private func refuse(configuration: [UInt8], _ message: String) throws {
    try withTemporaryFolder { folder in
      try Data(configuration).write(to: URL(fileURLWithPath: folder + "/bad.yml"))
      expectRefusal(
        try Program.run("train bad.yml --limit 50 --out new", in: folder), code: 65, message)
      #expect(try names(in: folder) == ["bad.yml"])
    }
  }

  @Test("data that cannot be read is refused by the file and the byte")
  func data() throws {
    try SampleRun.withCopy { folder in
      let good = DataFiles.records(20)
      var label = good
      label[5 * 3073] = 10
      for (name, content, message) in [
        ("empty", [], "test_batch.bin: expected records of 3073 bytes, found an empty file"),
        ("cut", Array(good.dropLast(5)), "byte 58387"),
        ("label", label, "byte 15365: expected a label in 0...9, found 10"),
      ] {
        try DataFiles.write(content, to: "\(folder)/\(name)")
        for line in ["evaluate run/last.h5", "certify run/last.h5", "audit run/last.h5"] {
          expectRefusal(
            try Program.run("\(line) --data \(name)", in: folder), code: 65, "\(name)/", message)
        }
        expectRefusal(
          try Program.run("train tiny.yml --out new --data \(name)", in: folder), code: 65, "byte")
      }
      #expect(!exists(folder + "/new"))
    }
  }

  @Test("a folder without the data says what to do")
  func missingData() throws {
    try SampleRun.withCopy { folder in
      for name in ["none", "python", "archive"] {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/\(name)", withIntermediateDirectories: false)
      }
      try write("", to: folder + "/python/data_batch_1")
      try write("", to: folder + "/archive/cifar-10-binary.tar.gz")
      try DataFiles.write(DataFiles.records(10), to: folder + "/both")
      try Data(DataFiles.records(10, hasSuperclass: true))
        .write(to: URL(fileURLWithPath: folder + "/both/test.bin"))
      for (name, code, message) in [
        ("nowhere", 66, "leave it out to use the built-in images"),
        ("none", 66, "none/test_batch.bin or none/test.bin"),
        ("python", 66, "the binary version of the data set is needed"),
        ("archive", 66, "unpack the archive first"),
        ("tiny.yml", 65, "found a text, such as YAML"),
        ("both", 65, "or a choice among them with --dataset"),
      ] as [(String, Int32, String)] {
        expectRefusal(
          try Program.run("evaluate run/last.h5 --data \(name)", in: folder), code: code, message)
      }
      // Ten classes are not a hundred.
      expectRefusal(
        try Program.run("evaluate run/last.h5 --data both --dataset cifar100", in: folder),
        code: 65,
        "in 10 classes", "in 100 classes")
      #expect(
        try Program.run("evaluate run/last.h5 --data both --dataset cifar10", in: folder).code == 0)
    }
  }

  @Test("a network of a hundred classes does all that one of ten does")
  func hundredClasses() throws {
    try SampleRun.withCopy { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/data", withIntermediateDirectories: false)
      for name in ["train.bin", "test.bin"] {
        try Data(DataFiles.records(60, hasSuperclass: true))
          .write(to: URL(fileURLWithPath: "\(folder)/data/\(name)"))
      }
      try write(
        TinyConfiguration.yaml(replacing: "channels: 4", by: "channels: 4\n  classes: 100"),
        to: folder + "/hundred.yml")
      #expect(
        try Program.run("train hundred.yml --data data --out new --quiet", in: folder).code == 0)
      for line in ["evaluate", "bounds", "certify", "attack"] {
        let outcome = try Program.run(
          "\(line) new/last.h5 --data data --limit 4 --json", in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
      let bounds = try Program.run("bounds new/last.h5", in: folder)
      #expect(bounds.code == 0, "bounds do not depend on the classes: \(bounds)")
      let outcome = try Program.run("evaluate new/last.h5", in: folder)
      expectRefusal(outcome, code: 65, "in 100 classes", "synthetic")
    }
  }

  @Test(
    "what is not a file of weights is refused, by every command that takes one",
    arguments: ["inspect", "bounds", "evaluate", "certify", "attack", "audit"])
  func notWeights(command: String) throws {
    try SampleRun.withCopy { folder in
      try write("", to: folder + "/empty.h5")
      for (name, code, message) in [
        ("nothing.h5", 66, "no such file"), ("run", 65, "found a folder"),
        ("empty.h5", 65, "found an empty file"),
        ("tiny.yml", 65, "expected weights in an HDF5, safetensors or PyTorch file"),
        ("run/history.h5", 65, "found the history of a training run"),
        ("/dev/null", 65, "found a device or pipe"),
      ] as [(String, Int32, String)]
      where command != "inspect" || name != "run/history.h5" {
        expectRefusal(
          try Program.run("\(command) \(name)", in: folder), code: code, name, message)
      }
    }
  }

  @Test("damaged weights are refused wherever the damage is")
  func damagedWeights() throws {
    try SampleRun.withCopy { folder in
      let good = try bytes(of: folder + "/run/last.h5")
      let path = folder + "/bad.h5"
      for length in [8, 100, good.count / 2, good.count - 1] {
        try Data(good.prefix(length)).write(to: URL(fileURLWithPath: path))
        expectRefusal(try Program.run("bounds bad.h5", in: folder), code: 65, "bad.h5")
      }
      for position in stride(from: 0, to: good.count, by: good.count / 12) {
        var bad = good
        bad[position] ^= 0xff
        try Data(bad).write(to: URL(fileURLWithPath: path))
        let outcome = try Program.run("bounds bad.h5", in: folder)
        // Space that no object uses may hold anything.
        if outcome.code != 0 { expectRefusal(outcome, code: 65, "bad.h5") }
      }
    }
  }

  @Test("weights that are not finite are refused by the dataset")
  func nonFiniteWeights() throws {
    try withTemporaryFolder { folder in
      let model = ModelRecipe(
        convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 8)
      for (name, value) in [("nan", Float.nan), ("infinite", -.infinity)] {
        var network = CPLNetwork<Float>(
          model.layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 0)
        let index = network.steppedLayers[0]
        network.layers[index].updateParameters { parameter, tensor in
          if parameter == 0 { tensor.elements[7] = value }
        }
        try network.write(
          to: "\(folder)/\(name).h5",
          description: CheckpointDescription(
            profile: .corrected, createdBy: "test", gitCommit: "none"))
        for command in ["bounds", "evaluate", "inspect"] {
          expectRefusal(
            try Program.run("\(command) \(name).h5", in: folder), code: 65, "\(name).h5",
            "/parameters/convolution.0/kernel: expected finite numbers", "element 7")
        }
      }
    }
  }
}
