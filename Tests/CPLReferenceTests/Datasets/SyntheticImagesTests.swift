// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

import CPLReference

@Suite("SyntheticImages")
struct SyntheticImagesTests {
  /// FNV-1a over pixels and labels.
  func hash(_ dataset: ImageDataset) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for position in 0..<dataset.count {
      for byte in [UInt8(dataset.labels[position])] + dataset.bytes(at: position) {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
      }
    }
    return hash
  }

  @Test("the same seed gives the same bytes on every machine")
  func pinned() {
    #expect(hash(SyntheticImages.make(count: 200, seed: 0, split: .train)) == 0xfd45664e4ac247c8)
    #expect(hash(SyntheticImages.make(count: 200, seed: 0, split: .test)) == 0xcdb0218ab0edef2a)
  }

  @Test("a smaller set is a prefix of a larger one")
  func prefixes() {
    let large = SyntheticImages.make(count: 95, seed: 3, split: .train)
    let small = SyntheticImages.make(count: 42, seed: 3, split: .train)
    #expect(hash(small) == hash(large.prefix(42)))
  }

  @Test("seeds and splits differ")
  func different() {
    let sets = [
      SyntheticImages.make(count: 10, seed: 0, split: .train),
      SyntheticImages.make(count: 10, seed: 0, split: .test),
      SyntheticImages.make(count: 10, seed: 1, split: .train),
    ]
    #expect(Set(sets.map(hash)).count == 3)
  }

  @Test("every run of ten images holds each class once, in an order of its own")
  func balanced() {
    let labels = SyntheticImages.make(count: 100, seed: 0, split: .train).labels
    let runs = (0..<10).map { Array(labels[10 * $0..<10 * $0 + 10]) }
    #expect(runs.allSatisfy { $0.sorted() == Array(0..<10) })
    #expect(Set(runs).count == 10)
  }

  @Test("the default sets have 5,000 and 1,000 images of ten classes")
  func defaults() {
    for (split, count) in [(ImageDataset.Split.train, 5000), (.test, 1000)] {
      let dataset = SyntheticImages.make(seed: 0, split: split)
      #expect(dataset.count == count && dataset.classes == 10)
      #expect(dataset.name == "synthetic" && dataset.imageShape == [3, 32, 32])
    }
    #expect(SyntheticImages.make(count: 0, seed: 0, split: .train).count == 0)
  }

  @Test("a linear classifier of the pixels stays below 70 % and above guessing")
  func linearClassifierFails() {
    let train = SyntheticImages.make(seed: 0, split: .train)
    let test = SyntheticImages.make(seed: 0, split: .test)
    let accuracy = SoftmaxRegression(fitting: train, epochs: 10).accuracy(on: test)
    #expect(accuracy < 0.7)
    #expect(accuracy > 0.2)
  }
}

/// Multinomial logistic regression on centred pixels, by stochastic gradient descent.
private struct SoftmaxRegression {
  private let classes: Int
  private let inputs: Int
  /// One row a class.
  private var weights: [Float]
  private var biases: [Float]

  init(fitting dataset: ImageDataset, epochs: Int) {
    classes = dataset.classes
    inputs = dataset.imageShape.count
    weights = Array(repeating: 0, count: classes * inputs)
    biases = Array(repeating: 0, count: classes)
    for epoch in 0..<epochs {
      let rate = 0.02 * (1 - Float(epoch) / Float(epochs))
      var random = CounterRandom(seed: 1, purpose: .test, major: UInt32(epoch))
      let order = random.permutation(of: dataset.count)
      for start in stride(from: 0, to: dataset.count, by: 50) {
        step(dataset, order[start..<min(start + 50, dataset.count)], rate: rate)
      }
    }
  }

  func accuracy(on dataset: ImageDataset) -> Double {
    let scores = scores(centred(dataset, Array(0..<dataset.count)))
    let correct = dataset.labels.enumerated().count { position, label in
      let row = scores[position * classes..<(position + 1) * classes]
      return row.firstIndex(of: row.max()!)! - row.startIndex == label
    }
    return Double(correct) / Double(dataset.count)
  }

  private func centred(_ dataset: ImageDataset, _ positions: some Collection<Int>) -> [Float] {
    dataset.images(at: positions).elements.map { $0 - 0.5 }
  }

  private func scores(_ pixels: [Float]) -> [Float] {
    let count = pixels.count / inputs
    let scores = Tensor(shape: [count, classes]) { scores in
      pixels.withUnsafeBufferPointer { pixels in
        weights.withUnsafeBufferPointer { weights in
          biases.withUnsafeBufferPointer { biases in
            Float.multiply(
              rows: 0..<count, columns: 0..<classes, depth: inputs,
              MatrixView(elements: pixels.baseAddress!, stride: inputs),
              MatrixView(elements: weights.baseAddress!, stride: inputs, transposed: true),
              Epilogue(addend: biases.baseAddress!), to: scores, stride: classes)
          }
        }
      }
    }
    return scores.elements
  }

  private mutating func step(_ dataset: ImageDataset, _ batch: ArraySlice<Int>, rate: Float) {
    let pixels = centred(dataset, batch)
    let scale = rate / Float(batch.count)
    // The gradient of the cross entropy with respect to the scores: softmax less one-hot.
    var residuals = scores(pixels)
    for (row, position) in batch.enumerated() {
      let range = row * classes..<(row + 1) * classes
      let largest = residuals[range].max()!
      let powers = residuals[range].map { exp($0 - largest) }
      let total = powers.reduce(0, +)
      for k in 0..<classes {
        let residual = powers[k] / total - (dataset.labels[position] == k ? 1 : 0)
        residuals[range.lowerBound + k] = residual
        biases[k] -= scale * residual
      }
    }
    residuals.withUnsafeBufferPointer { residuals in
      pixels.withUnsafeBufferPointer { pixels in
        weights.withUnsafeMutableBufferPointer { weights in
          Float.multiply(
            rows: 0..<classes, columns: 0..<inputs, depth: batch.count,
            MatrixView(elements: residuals.baseAddress!, stride: classes, transposed: true),
            MatrixView(elements: pixels.baseAddress!, stride: inputs),
            Epilogue(alpha: -scale, addend: weights.baseAddress!, addendStride: inputs),
            to: weights.baseAddress!, stride: inputs)
        }
      }
    }
  }
}
