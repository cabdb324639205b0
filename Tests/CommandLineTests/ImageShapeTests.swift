// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Images that are not CIFAR's, from their files to the report.
@Suite("Images of any shape")
struct ImageShapeTests {
  /// A small data set of bright squares, each class's at a place of its own.
  struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let shape: [Int]
    let classes: Int
    /// Whether the files are MNIST's; otherwise arrays.
    let isIDX: Bool
    let model: String?
    let data: String
    var layers = ""

    static let all = [
      Sample(
        name: "mnist", shape: [1, 28, 28], classes: 10, isIDX: true,
        model: "image_channels: 1, image_side: 28, pooling: 7", data: "dataset: mnist"),
      Sample(
        name: "npy", shape: [3, 64, 64], classes: 4, isIDX: false,
        model: "image_side: 64, pooling: 8, classes: 4", data: "mean: [0.3, 0.3, 0.3]"),
      Sample(
        name: "npy", shape: [3, 20, 36], classes: 4, isIDX: false,
        model: "image_height: 20, image_width: 36, pooling: 4, classes: 4",
        data: "mean: [0.3, 0.3, 0.3], flip: false"),
      // A list of layers in place of the paper's order.
      Sample(
        name: "npy", shape: [3, 12, 20], classes: 4, isIDX: false,
        model: nil, data: "mean: [0.3, 0.3, 0.3], flip: false",
        layers: """
          - normalize: {channels: 3, height: 12, width: 20}
          - padding: {channels: 4}
          - sll-convolution: {inner: 3, repeat: 2}
          - norm-pool: {window: 4}
          - flatten
          - linear: {inner: 16}
          - last-layer-normalised: {classes: 4}
          """),
    ]

    var testDescription: String { shape.map(String.init).joined(separator: "×") }

    var yaml: String {
      """
      name: shapes
      model:\(modelYAML)
      training: {epochs: 6, batch: 10, learning_rate: 1.0e-2}
      data: {\(data), crop_padding: 1}

      """
    }

    private var modelYAML: String {
      guard let model else { return "\n" + layers }
      return " {convolution_layers: 2, channels: 4, convolution_inner: 2, linear_layers: 1, "
        + "linear_inner: 16, \(model)}"
    }

    /// Images and labels.
    func draw(_ count: Int) -> (pixels: [UInt8], labels: [UInt8]) {
      let (height, width) = (shape[1], shape[2])
      let labels = (0..<count).map { UInt8($0 * 7 % classes) }
      let pixels = labels.enumerated().flatMap { index, label -> [UInt8] in
        // Five squares in a row.
        let (top, left) = (height / 2 * (Int(label) / 5), width / 5 * (Int(label) % 5))
        return (0..<shape.reduce(1, *)).map { pixel in
          let (y, x) = (pixel / width % height, pixel % width)
          let isInside =
            y - top >= 0 && y - top < height / 2 && x - left >= 0 && x - left < width / 5
          let noise = (pixel &* 2_654_435_761 &+ index &* 40503) >> 7 & 15
          return UInt8((isInside ? 220 : 20) + noise)
        }
      }
      return (pixels, labels)
    }

    func write(to folder: String) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (split, count) in [("train", 100), ("test", 20)] {
        let (pixels, labels) = draw(count)
        let stem = split == "test" ? "t10k" : split
        let files =
          isIDX
          ? [
            ("\(stem)-images-idx3-ubyte", idxFile([count] + shape[1...], pixels)),
            ("\(stem)-labels-idx1-ubyte.gz", gzipFile(idxFile([count], labels))),
          ]
          : [
            ("x_\(split).npy", npyFile("|u1", [count] + shape, pixels)),
            ("y_\(split).npy", npyFile("|u1", [count], labels)),
          ]
        for (name, bytes) in files {
          try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
      }
    }
  }

  @Test(
    "a network is trained, bounded, evaluated, audited and reported on them", arguments: Sample.all)
  func pipeline(sample: Sample) throws {
    try withTemporaryFolder { folder in
      try sample.write(to: folder + "/images")
      try write(sample.yaml, to: folder + "/x.yml")
      func run(_ line: String) throws -> Outcome {
        let outcome = try Program.run(line + " --data images --quiet", in: folder)
        #expect(outcome.code == 0, "\(line): \(outcome)")
        return outcome
      }
      // Which digits these are only the configuration tells.
      let flag = sample.isIDX ? " --dataset mnist" : ""
      _ = try run("train x.yml --out run")
      let inspected = try Program.run("inspect run/last.h5", in: folder)
      #expect(inspected.output.contains("images \(sample.testDescription) −"), "\(inspected)")

      let bounds = try run("bounds run/last.h5 --json" + flag).json()
      let layers = try #require(bounds["layers"] as? [[String: Any]])
      #expect(layers.count == 7, "\(bounds)")

      let evaluation = try run("evaluate run/last.h5 --pgd 0.5 --json" + flag)
        .json()
      let accuracy = try #require(evaluation["accuracy"] as? Double, "\(evaluation)")
      #expect(accuracy > 0.9, "a network that reads rows for columns learns nothing of these")

      _ = try run("audit run/last.h5 --limit 3 --out audit.h5" + flag)
      let report = try Program.run("report audit.h5 --out pages", in: folder)
      #expect(report.code == 0, "\(report)")
      let page = try String(contentsOfFile: folder + "/pages/report.md", encoding: .utf8)
      #expect(page.hasPrefix("# Proved and not broken"), "\(page)")
    }
  }

  @Test("no mean is guessed of images that nothing is known of; the one that they have is told")
  func unknownMean() throws {
    try withTemporaryFolder { folder in
      let sample = Sample.all[2]
      try sample.write(to: folder + "/images")
      let yaml = sample.yaml.replacingOccurrences(of: "mean: [0.3, 0.3, 0.3], ", with: "")
      try write(yaml, to: folder + "/x.yml")
      expectRefusal(
        try Program.run("train x.yml --out run --data images", in: folder), code: 65,
        "the mean of the images of npy in the configuration, as data.mean", "[0.18")
      #expect(!exists(folder + "/run"))
      try write(
        yaml.replacingOccurrences(of: "flip", with: "mean: [0.5], flip"), to: folder + "/x.yml")
      expectRefusal(
        try Program.run("train x.yml --out run --data images", in: folder), code: 65,
        "key 'data.mean': expected a number in [0, 1] for each of the 3 channels")
    }
  }

  @Test("a configuration for a data set trains on no other one")
  func otherDataset() throws {
    try SampleRun.withCopy { folder in
      let yaml = TinyConfiguration.yaml + "data: {dataset: cifar10}\n"
      try write(yaml, to: folder + "/cifar.yml")
      expectRefusal(
        try Program.run("train cifar.yml --out other", in: folder), code: 65,
        "expected images of cifar10, which the configuration of tiny is for",
        "found images of synthetic")
      try write(
        yaml.replacingOccurrences(of: "cifar10", with: "cifar"), to: folder + "/cifar.yml")
      expectRefusal(
        try Program.run("train cifar.yml --out other", in: folder), code: 65,
        "key 'data.dataset': expected one of cifar10, cifar100, fashion-mnist, hdf5, mnist, npy")
    }
  }
}
