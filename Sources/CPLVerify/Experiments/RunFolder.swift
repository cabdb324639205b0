// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// A folder that holds a training run.
package struct RunFolder {
  package let path: String

  /// Whether a path ends as a file of weights or history of some run does.
  package static func isPart(_ path: String) -> Bool {
    ["last.h5", "previous.h5", "best.h5", "history.h5"]
      .contains { $0 == path.split(separator: "/").last.map(String.init) }
  }

  package init(path: String) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  package var configurationFile: String { path + "/run.yml" }
  package var last: String { path + "/last.h5" }
  package var previous: String { path + "/previous.h5" }
  package var best: String { path + "/best.h5" }
  package var history: String { path + "/history.h5" }
  /// What the run tells while it goes on (`EventLog`).
  package var events: String { path + "/" + EventLog.name }
  private var lockFile: String { path + "/lock" }

  /// Makes a folder for a new run, runs `body`, which writes the beginning of the run, and leaves
  /// nothing behind when that fails.
  package func create(_ body: () throws -> Void) throws -> RunLock {
    let isNew = !FileManager.default.fileExists(atPath: path)
    try Folder.create(path)
    do {
      let lock = try RunLock(lockFile, of: path)
      for file in [configurationFile, last, previous, best, history, events]
      where FileManager.default.fileExists(atPath: file) {
        throw ReferenceError.cannotCreate(
          path: path,
          reason: "it holds a run already; continue it with --resume, or name another folder")
      }
      do {
        try body()
      } catch {
        for file in [configurationFile, last, lockFile] { unlink(file) }
        throw error
      }
      return lock
    } catch {
      // Fails, as it should, where others have put something into it.
      if isNew { rmdir(path) }
      throw error
    }
  }

  /// Whether the run was stopped before its first state was kept.
  package var isAtItsBeginning: Bool {
    ![last, previous, best, history].contains(where: FileManager.default.fileExists(atPath:))
  }

  /// Keeps other processes from training into the folder.
  package func lock() throws -> RunLock { try RunLock(lockFile, of: path) }

  package func write(_ run: RunConfiguration) throws {
    try AtomicFile.write(Data(try run.yaml().utf8), to: configurationFile)
  }

  package func readConfiguration() throws -> RunConfiguration {
    try RunConfiguration(yaml: try InputFile.text(configurationFile), path: configurationFile)
  }

  /// The configuration of the run that made a checkpoint: run.yml beside it, if it is that run's.
  package static func configuration(of checkpoint: Checkpoint, at path: String) -> RunConfiguration?
  {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard let origin = checkpoint.run,
      let run = try? RunFolder(path: folder).readConfiguration(),
      let identity = try? run.identity.yaml(), identity == origin
    else { return nil }
    return run
  }

  /// The history of the run that made the weights at `path`, where these are the best of a run's
  /// folder, which hold none themselves.
  package static func history(beside path: String) -> [EpochRecord] {
    let file = URL(fileURLWithPath: path)
    let folder = RunFolder(path: file.deletingLastPathComponent().path)
    guard file.lastPathComponent == "best.h5" else { return [] }
    return (try? TrainingState.history(from: folder.history)) ?? []
  }

  /// Keeps the last state as the one before it, to be called before another one is written. There
  /// is a last state at every moment.
  package func keepPrevious() { link(last, as: previous) }

  /// Lets a file have a second name in this folder, if it exists; the file that had that name loses
  /// it.
  private func link(_ file: String, as name: String) {
    let temporary = "\(path)/.cpl-verify-\(UUID().uuidString).tmp"
    guard Foundation.link(file, temporary) == 0 else { return }
    rename(temporary, name)
    // Where both names were of one file already, renaming does nothing.
    unlink(temporary)
  }

  /// The last state, or where that is damaged or gone the one before it, which then takes its name.
  private func readLast(_ note: (String) -> Void) throws -> Checkpoint {
    do {
      return try Checkpoint(path: last)
    } catch let error as ReferenceError {
      guard let checkpoint = try? Checkpoint(path: previous) else { throw error }
      link(previous, as: last)
      note("\(error); going on from \(previous)")
      return checkpoint
    }
  }

  /// The state in which `run` was left.
  ///
  /// - Throws: `ReferenceError` also when it was left by a run of another configuration, or on
  ///   other images, or by an earlier version, which summed gradients in another order.
  package func readState(
    of run: RunConfiguration, note: (String) -> Void
  ) throws -> TrainingState {
    let checkpoint = try readLast(note)
    guard let state = checkpoint.training, let origin = checkpoint.run else {
      throw ReferenceError.invalid(
        path: last, location: "/progress", expected: "a training run", found: "weights alone")
    }
    if let difference = try run.identity.difference(from: origin) {
      throw ReferenceError.invalid(
        path: configurationFile, location: "",
        expected: "\(difference.origin), with which \(last) was trained", found: difference.found)
    }
    guard checkpoint.isSummedInTree || state.optimizer.step == 0 else {
      throw HintedError(
        error: ReferenceError.invalid(
          path: last, location: "attribute 'version'",
          expected:
            "a run that sums gradients as this version does, from which the same bytes follow",
          found: "one of an earlier version, after \(state.optimizer.step) steps"),
        hint:
          "its weights can be judged as ever; train in another folder, or go on with the program "
          + "that began it")
    }
    guard state.epoch <= run.experiment.training.epochs else {
      throw ReferenceError.mismatch(
        expected: "at least \(state.epoch) epochs, which \(path) has done already",
        found: "\(run.experiment.training.epochs)")
    }
    return state
  }
}

/// The right to train into a run's folder, which one process has at a time; given back when the
/// value or the process ends, however it ends.
package final class RunLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock that the file at `path` stands for, made where it is missing; it stays, with
  /// the number of the process that held it last.
  init(_ path: String, of folder: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw Self.failure(folder, "\(String(cString: strerror(errno)))", code: errno)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      var text = [UInt8](repeating: 0, count: 20)
      let count = max(0, read(descriptor, &text, text.count))
      close(descriptor)
      let holder = String(decoding: text.prefix(count), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      throw Self.failure(
        folder,
        code == EWOULDBLOCK
          ? "process \(holder.isEmpty ? "unknown" : holder) is training into it"
          : String(cString: strerror(code)), code: code)
    }
    self.descriptor = descriptor
    // On a full disk the number may be missing; the lock holds all the same.
    let number = "\(getpid())\n"
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, number, number.utf8.count, 0)
  }

  deinit { close(descriptor) }

  private static func failure(_ folder: String, _ reason: String, code: Int32) -> ReferenceError {
    [ENOSPC, EDQUOT, EIO].contains(code)
      ? .inputOutput(path: folder, reason: reason) : .cannotCreate(path: folder, reason: reason)
  }
}
