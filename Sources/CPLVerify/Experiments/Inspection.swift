// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports

/// What a file holds, as `inspect` tells it.
package struct Inspection: Encodable {
  package struct Stored: Encodable {
    package let name: String
    package let shape: [UInt64]
    package let dtype: String
    /// Why it is not read, if it is not.
    package var problem: String?
    /// Of a tensor beside a network: that it is passed over.
    package var skipped: Bool?
  }

  package let format: String
  /// What a file is that is none of weights.
  package var holds: String?
  /// Of the weights.
  package var digest: String?
  /// Of results, over all but their provenance.
  package var contentDigest: String?
  package var profile: String?
  package var createdBy: String?
  package var gitCommit: String?
  package var architecture: String?
  package var parameters: Int?
  package var epoch: Int?
  /// What the names of the networks in a checkpoint begin with.
  package var networks: [String]?
  /// What a checkpoint holds beside its tensors, which is passed over.
  package var company: [StateDictionary.Company]?
  /// Why the tensors are no network, or the results cannot be read.
  package var problem: String?
  package var notes: [String] = []
  package var tensors: [Stored] = []

  /// Reads a file as far as it can be.
  ///
  /// - Parameter settings: what a published checkpoint does not tell of its network.
  package init(_ file: String, _ settings: UnstoredSettings) throws {
    if try HDF5File.isOne(file) {
      let contents = try HDF5File.open(file)
      // A file of weights that lacks something is refused, not listed.
      if case .string(CheckpointSchema.format)? = try? contents.attribute("format", of: "/") {
        try settings.checkEmpty("\(file), which describes its network itself")
        self.init(weights: try Checkpoint(contents))
      } else {
        self.init(listing: contents)
      }
    } else {
      let bytes = try FileBytes(file)
      if let arrays = try NumPyFile.all(in: bytes) {
        self.init(arrays, isArchive: bytes.bytes.starts(with: NumPyFile.archiveSignature))
      } else {
        self.init(try StateDictionary(bytes), settings)
      }
    }
    if holds != nil { try settings.checkEmpty("\(file), which holds no network") }
  }

  private init(weights checkpoint: Checkpoint) {
    format = checkpoint.format
    tensors = checkpoint.network.layers.flatMap { layer in
      layer.parameters.map {
        Stored(
          name: "\(layer.name)/\($0.name)", shape: $0.value.shape.map(UInt64.init),
          dtype: "float32")
      }
    }
    describe(checkpoint)
  }

  private init(_ dictionary: StateDictionary, _ settings: UnstoredSettings) {
    format = dictionary.format.rawValue
    networks = dictionary.networkPrefixes
    company = dictionary.company
    do {
      describe(try Checkpoint(dictionary, settings: settings))
      let used = try dictionary.usedTensors(settings)
      tensors = dictionary.tensors.map {
        Stored($0, name: $0.name, skipped: used.contains($0.name) ? nil : true)
      }
    } catch {
      problem = "\(error)"
      tensors = dictionary.tensors.map { Stored($0, name: $0.name) }
    }
  }

  private init(_ arrays: [StoredTensor], isArchive: Bool) {
    format = isArchive ? "npz" : "npy"
    // The array of a `.npy` has no name.
    tensors = arrays.map { Stored($0, name: isArchive ? $0.name : "array") }
    holds =
      !isArchive
      ? "an array"
      : ArrayNames.isDataSet(arrays.map(\.name)) ? Self.dataSet : "arrays, no images and labels"
  }

  private init(listing file: borrowing HDF5File) {
    let entries = file.entries()
    tensors = entries.map {
      Stored(name: $0.path, shape: $0.extents, dtype: $0.type, problem: $0.problem)
    }
    if case .string(ReportSchema.format)? = try? file.attribute("format", of: "/") {
      format = ReportSchema.format
      holds = "results"
      do {
        let report = try VerificationReport(file)
        contentDigest = report.contentDigest
        if let command = report.provenance.command { holds = "results of \(command.forMessage)" }
      } catch {
        problem = "\(error)"
      }
      return
    }
    format = "hdf5"
    holds =
      entries.contains { $0.path == "/history/epoch" }
      ? "the history of a training run, a row an epoch"
      : file.foreignKind ?? "nothing that this program made"
  }

  private static let dataSet = "images and labels, a data set for --data"

  private mutating func describe(_ checkpoint: Checkpoint) {
    digest = checkpoint.digest
    profile = checkpoint.description.profile.name
    createdBy = checkpoint.description.createdBy
    gitCommit = checkpoint.description.gitCommit
    architecture = checkpoint.architecture
    parameters = checkpoint.network.parameterCount
    epoch = checkpoint.training?.epoch
    notes = checkpoint.notes
  }
}

extension Inspection.Stored {
  fileprivate init(_ tensor: StoredTensor, name: String, skipped: Bool? = nil) {
    self.init(
      name: name, shape: tensor.shape.map(UInt64.init), dtype: tensor.format.rawValue,
      skipped: skipped)
  }
}
