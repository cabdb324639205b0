// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Training")
struct TrainingTests {
  @Test("a run leaves its weights, its history and its configuration, and says which weights")
  func files() throws {
    try SampleRun.withCopy { folder in
      #expect(
        try names(in: folder + "/run") == [
          "best.h5", "events.jsonl", "history.h5", "last.h5", "lock", "previous.h5", "run.yml",
        ])
      let run = try String(contentsOfFile: folder + "/run/run.yml", encoding: .utf8)
      for line in ["epochs: 1", "seed: 0", "kernel: 3", "lr-offset: false", "limit: 200"] {
        #expect(run.contains(line), "defaults are written out: \(line)")
      }
      let outcome = try Program.run(
        "train tiny.yml --limit 200 --out again --threads 1", in: folder)
      #expect(outcome.code == 0)
      #expect(outcome.error.contains("epoch 1: loss"))
      let digest = try Program.run("inspect run/last.h5 --json", in: folder).json()["digest"]
      #expect(outcome.output.hasSuffix("digest \(try #require(digest as? String))\n"))
      for name in ["last.h5", "best.h5", "history.h5"] {
        #expect(
          try bytes(of: "\(folder)/run/\(name)") == bytes(of: "\(folder)/again/\(name)"),
          "\(name) is the same on any number of threads")
      }
    }
  }

  @Test("flags change the configuration that is stored")
  func flags() throws {
    try SampleRun.withCopy { folder in
      let line = "train tiny.yml --indices 0-49,100-149 --epochs 2 --seed 7 --profile published"
      let outcome = try Program.run(line + " --seeded-augmentation --out new --json", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(
        Set(try outcome.json().keys)
          == ["digest", "epochs", "loss", "parameters", "selection_accuracy", "weights"])
      let run = try String(contentsOfFile: folder + "/new/run.yml", encoding: .utf8)
      for line in [
        "epochs: 2", "seed: 7", "lr-offset: true", "unseeded-augmentation: false",
        "indices: 0-49,100-149", "test_digest: ",
      ] {
        #expect(run.contains(line), "\(line) in \(run)")
      }
    }
  }

  @Test("a folder that holds a run is not trained into again")
  func secondRun() throws {
    try SampleRun.withCopy { folder in
      let before = try bytes(of: folder + "/run/last.h5")
      expectRefusal(
        try Program.run("train tiny.yml --limit 100 --out run", in: folder), code: 73,
        "run: cannot create: it holds a run already")
      #expect(try bytes(of: folder + "/run/last.h5") == before)
    }
  }

  @Test("the folder may have any name, and is made with those above it")
  func folderNames() throws {
    try SampleRun.withCopy { folder in
      let name = "a/new folder/ü"
      let outcome = try Program.run(
        ["train", "tiny.yml", "--limit", "50", "--out", name + "/"], in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(outcome.output.hasPrefix(name + "/last.h5: "))
      #expect(exists("\(folder)/\(name)/last.h5"))
    }
  }

  @Test("a network that cannot fit into memory is refused, not tried")
  func memory() throws {
    try SampleRun.withCopy { folder in
      let huge = TinyConfiguration.yaml(replacing: "linear_inner: 16", by: "linear_inner: 65536")
        .replacingOccurrences(of: "linear_layers: 1", with: "linear_layers: 1000")
        .replacingOccurrences(of: "channels: 4", with: "channels: 4096")
      try write(huge, to: folder + "/huge.yml")
      expectRefusal(
        try Program.run("train huge.yml --limit 50 --out new", in: folder), code: 65,
        "memory of", "takes at least")
      #expect(!exists(folder + "/new"))
      let batch = TinyConfiguration.yaml(replacing: "batch: 32", by: "batch: 65536")
      try write(batch, to: folder + "/batch.yml")
      #expect(try Program.run("train batch.yml --limit 50 --out new", in: folder).code == 0)
    }
  }

  @Test("a loss that is not finite ends the run with the step and the layer; what was good stays")
  func nonFiniteLoss() throws {
    try SampleRun.withCopy { folder in
      for (name, rate, flags) in [
        ("a", "1.0e+30", ""), ("b", "1.0e+30", " --save-every 0"),
        ("c", "1.0e+300", ""), ("d", "1.0e+300", " --save-every 0"),
      ] {
        let wild = TinyConfiguration.yaml(
          replacing: "learning_rate: 1.0e-2", by: "learning_rate: \(rate)")
        try write(wild, to: folder + "/wild.yml")
        let outcome = try Program.run(
          "train wild.yml --limit 200 --out \(name)" + flags, in: folder)
        // Whichever comes first: the saving, which looks at the weights, or the next step's loss.
        expectRefusal(
          outcome, code: 65, "is not finite; it first appears in layer convolution.0",
          "the last good state is in \(name)/last.h5")
        #expect(outcome.message?.contains(#/^step \d+: (the loss|a weight) /#) == true)
        #expect(try Program.run("inspect \(name)/last.h5", in: folder).code == 0)
      }
    }
  }

  @Test("too few images to hold some out are refused")
  func fewImages() throws {
    try SampleRun.withCopy { folder in
      expectRefusal(
        try Program.run("train tiny.yml --limit 3 --out new", in: folder), code: 65, "hold out of 3"
      )
      #expect(!exists(folder + "/new"))
    }
  }

  @Test(
    "an impossible folder is refused",
    arguments: [("tiny.yml", "tiny.yml is a file"), ("tiny.yml/a/b", "tiny.yml is a file")])
  func impossibleFolder(out: String, reason: String) throws {
    try SampleRun.withCopy { folder in
      expectRefusal(
        try Program.run("train tiny.yml --limit 50 --out \(out)", in: folder), code: 73, out, reason
      )
      expectRefusal(try Program.run("synthesize \(out)", in: folder), code: 73, out, reason)
      #expect(
        try String(contentsOfFile: folder + "/tiny.yml", encoding: .utf8) == TinyConfiguration.yaml)
    }
  }

  @Test("cpl-tiny learns the built-in images", .enabled(if: runsSlowTests))
  func tiny() throws {
    try withTemporaryFolder { folder in
      let configuration = Program.repository.appending(path: "experiments/cpl-tiny.yml").path
      let outcome = try Program.run(["train", configuration, "--out", "run", "--json"], in: folder)
      #expect(outcome.code == 0, "\(outcome)")
      let accuracy = try #require(try outcome.json()["selection_accuracy"] as? Double)
      #expect(accuracy > 0.5)
    }
  }

  @Test("CIFAR-10 itself can be trained on", .enabled(if: realData != nil))
  func realImages() throws {
    try SampleRun.withCopy { folder in
      let data = try #require(realData)
      for line in [
        "train tiny.yml --dataset cifar10 --limit 256 --out new --data",
        "evaluate new/last.h5 --dataset cifar10 --limit 256 --json --data",
      ] {
        let words = line.split(separator: " ").map(String.init) + [data]
        let outcome = try Program.run(words, in: folder)
        #expect(outcome.code == 0, "\(outcome)")
      }
    }
  }
}
