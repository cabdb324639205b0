// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Choices of images")
struct ImageChoiceTests {
  @Test("the first images or the listed ones are read, in their order")
  func choosing() throws {
    #expect(try ImageChoice(limit: 3).read(.test, classes: 10).indices == [0, 1, 2])
    let listed = ImageChoice(indices: Indices("7,0-1"))
    #expect(try listed.read(.test, classes: 10).indices == [7, 0, 1])
    let beyond = ImageChoice(indices: Indices("1000"))
    #expect(throws: ReferenceError.self) { _ = try beyond.read(.test, classes: 10) }
  }

  @Test(
    "a data set without a place is a matter of usage, a missing folder one of files, with a hint")
  func errors() throws {
    #expect(throws: UsageError.self) {
      _ = try ImageChoice(dataset: .npy).read(.test, classes: 10)
    }
    try ExperimentSample.withFolder { path in
      let error = try #require(throws: HintedError.self) {
        _ = try ImageChoice(data: path + "/missing").read(.test, classes: 10)
      }
      #expect(error.hint.contains("--data names a folder or a file"))
    }
  }

  @Test("a run's images are those of its configuration unless others are chosen")
  func ofRun() throws {
    var run = ExperimentSample.run
    run.images = RunConfiguration.ImageSelection(
      data: "there", dataset: "cifar10", limit: 5, digest: "0123", testDigest: nil)
    let kept = run.images(overriddenBy: ImageChoice())
    #expect(kept.data == "there" && kept.dataset?.rawValue == "cifar10" && kept.limit == 5)
    let moved = run.images(
      overriddenBy: ImageChoice(data: "here", indices: Indices("2")))
    #expect(moved.data == "here" && moved.limit == nil && moved.indices?.description == "2")
  }
}
