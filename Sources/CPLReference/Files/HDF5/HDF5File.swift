// SPDX-License-Identifier: Apache-2.0

import CHDF5
import CPLNumerics
import Foundation
import Synchronization

/// An HDF5 file, open for reading or being written; owner of its handle.
///
/// A file that is written is laid out in memory and goes to disk in one piece, through
/// `AtomicFile`, when all is in it. Where HDF5 itself meets a full disk, it reports that to some
/// calls and not to others, cannot close the file any more, and crashes when the process ends.
///
/// Files are in the format of HDF5 1.10 without times of creation, all metadata with checksums:
/// equal calls make equal bytes.
///
/// Paths inside a file are absolute. They are followed by hard links and by soft ones, never by
/// external ones, which lead into other files.
package struct HDF5File: ~Copyable {
  /// Where the file lies, or will.
  package let path: String
  /// What a dataset that is not compressed or an attribute may claim to hold, in bytes: the size of
  /// the file.
  let byteLimit: Int
  let isWritable: Bool
  private(set) var id: hid_t
  /// What the file says, where another process has read it; then there is no handle.
  let contents: HDF5Contents?

  /// What a path leads to.
  package enum ObjectKind: String, Sendable { case group, dataset }

  /// Creates or replaces the file at `path` with what `fill` writes into it, whole or not at all.
  package static func create<Result>(
    at path: String, _ fill: (borrowing HDF5File) throws -> Result
  ) throws -> Result {
    try AtomicFile.write(to: path) { output in
      let image = UnsafeMutablePointer<chdf5_image>.allocate(capacity: 1)
      image.initialize(to: chdf5_image())
      defer {
        free(image.pointee.bytes)
        image.deallocate()
      }
      let result = try layOut(path, in: image, fill)
      let bytes = UnsafeRawBufferPointer(
        start: image.pointee.bytes, count: chdf5_image_size(image))
      guard !bytes.isEmpty else {
        throw ReferenceError.inputOutput(path: path, reason: "HDF5 left the file open")
      }
      try output.append(bytes)
      return result
    }
  }

  /// A scope of its own: the file is closed, whatever happens, before its image is used or freed.
  private static func layOut<Result>(
    _ path: String, in image: UnsafeMutablePointer<chdf5_image>,
    _ fill: (borrowing HDF5File) throws -> Result
  ) throws -> Result {
    var file = try HDF5File(creating: path, in: image)
    let result = try fill(file)
    try file.close()
    return result
  }

  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Whether the file at `path` begins as HDF5 files do.
  package static func isOne(_ path: String) throws -> Bool {
    try InputFile(path).start(signature.count) == signature
  }

  /// Opens the file at `path` for reading: in this process, or in another one as `HDF5Isolation`
  /// says.
  package static func open(_ path: String) throws -> HDF5File {
    try open(path, helper: HDF5Isolation.helper)
  }

  /// Opens the file at `path` for reading by a helper, in this process without one.
  package static func open(
    _ path: String, helper: HDF5Isolation.Helper?
  ) throws -> HDF5File {
    let input = try InputFile(path)
    let start = try input.start(FileKind.startLength)
    guard start.starts(with: Self.signature) else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "an HDF5 file", found: FileKind.describe(start))
    }
    guard let helper else { return try HDF5File(reading: path, byteLimit: input.byteCount) }
    // The helper reads from the descriptor: what was checked is what is read.
    lseek(input.descriptor, 0, SEEK_SET)
    let contents = try helper.read(input.descriptor, byteCount: input.byteCount, path: path)
    try contents.checkOpened(path)
    return HDF5File(
      path: path, byteLimit: input.byteCount, isWritable: false, id: -1, contents: contents)
  }

  /// Opens the file at `path` for reading in this process.
  static func openHere(_ path: String) throws -> HDF5File { try open(path, helper: nil) }

  private init(reading path: String, byteLimit: Int) throws {
    let id = try HDF5Library.locked {
      let id = H5Fopen(path, chdf5_read_only(), chdf5_default())
      guard id >= 0 else {
        throw ReferenceError.invalid(
          path: path, location: "", expected: "a whole HDF5 file",
          found: HDF5Library.errors().first ?? "a damaged one")
      }
      return id
    }
    self.init(path: path, byteLimit: byteLimit, isWritable: false, id: id)
  }

  private init(creating path: String, in image: UnsafeMutablePointer<chdf5_image>) throws {
    let id = try HDF5Library.locked {
      let access = HDF5Handle(H5Pcreate(chdf5_class_file_access()))
      let creation = HDF5Library.creationProperties(chdf5_class_file_create())
      H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110)
      chdf5_use_image(access.id, image)
      // HDF5 tells files in memory apart by name, and looks whether there is one on disk; a path
      // below a device never leads to one.
      let name = "/dev/null/\(UInt64.random(in: .min ... .max))"
      let id = H5Fcreate(name, chdf5_truncate(), creation.id, access.id)
      guard id >= 0 else {
        throw ReferenceError.cannotCreate(
          path: path, reason: HDF5Library.errors().first ?? "HDF5 failed")
      }
      return id
    }
    self.init(path: path, byteLimit: .max, isWritable: true, id: id)
  }

  private init(
    path: String, byteLimit: Int, isWritable: Bool, id: hid_t, contents: HDF5Contents? = nil
  ) {
    self.contents = contents
    self.path = path
    self.byteLimit = byteLimit
    self.isWritable = isWritable
    self.id = id
  }

  deinit {
    if id >= 0 { _ = HDF5Library.locked { H5Fclose(id) } }
  }

  private mutating func close() throws {
    let id = self.id
    self.id = -1
    try HDF5Library.locked { try check(H5Fclose(id), at: "") }
  }

  /// The number of handles that HDF5 holds on this file: 1, the file's own, between calls.
  package var openHandleCount: Int {
    HDF5Library.locked { H5Fget_obj_count(id, chdf5_local_objects()) }
  }
}

@available(*, unavailable)
extension HDF5File: Sendable {}

// MARK: Groups

extension HDF5File {
  /// Creates the group at `path`, and those above it, where they are not there yet.
  package func createGroup(_ path: String) throws {
    try HDF5Library.locked { try makeGroups(Self.components(of: path)) }
  }

  /// Whether there is an object at `path`.
  package func exists(_ path: String) throws -> Bool {
    if let contents { return try contents.find(path, of: self.path) != nil }
    return try HDF5Library.locked {
      if case .some = try find(path) { true } else { false }
    }
  }

  /// What `path` leads to.
  package func kind(of path: String) throws -> ObjectKind {
    if let contents { return try contents.object(path, of: self.path).kind }
    return try HDF5Library.locked { try kind(of: object(path), at: path) }
  }

  /// The members of the group at `path`, by name in the order of their UTF-8 bytes.
  package func children(of path: String) throws -> [(name: String, kind: ObjectKind)] {
    try memberNames(of: path).map { ($0, try kind(of: path == "/" ? "/" + $0 : path + "/" + $0)) }
  }

  /// The names in the group at `path`, in the order of their UTF-8 bytes, whatever they lead to.
  package func memberNames(of path: String) throws -> [String] {
    if let contents { return try contents.memberNames(of: path, file: self.path) }
    return try HDF5Library.locked {
      let group = try object(path)
      guard try kind(of: group, at: path) == .group else {
        throw invalid(path, expected: "a group", found: "a dataset")
      }
      return try names(at: path) { chdf5_each_link(group.id, HDF5Library.collect, $0) }
    }
  }

  /// What tells the object at `path` from the others of this file, whichever name leads to it.
  package func identity(of path: String) throws -> [UInt64] {
    if let contents { return [try contents.number(of: path, file: self.path)] }
    return try HDF5Library.locked {
      let object = try object(path)
      var identity: [UInt64] = [0, 0]
      try check(chdf5_identity(object.id, &identity), at: path)
      return identity
    }
  }

  func makeGroups(_ names: some Sequence<String>) throws {
    var prefix = ""
    for name in names {
      prefix += "/" + name
      if case .some = try find(prefix) { continue }
      // One by one: HDF5 gives groups that it creates on the way a time of creation.
      let creation = HDF5Library.creationProperties(chdf5_class_group_create())
      let links = HDF5Library.linkProperties()
      _ = try own(
        H5Gcreate2(id, prefix, links.id, creation.id, chdf5_default()), at: prefix)
    }
  }

  /// The names that a path consists of, cut at bytes, as HDF5 does: a slash with a combining mark
  /// is another character to Swift.
  static func components(of path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
  }

  func object(_ path: String) throws -> HDF5Handle {
    guard let object = try find(path) else {
      throw invalid(path, expected: "a group or a dataset", found: "nothing")
    }
    return object
  }

  func kind(of object: borrowing HDF5Handle, at path: String) throws -> ObjectKind {
    switch H5Iget_type(object.id) {
    case H5I_GROUP: return .group
    case H5I_DATASET: return .dataset
    default: throw invalid(path, expected: "a group or a dataset", found: "a named type")
    }
  }
}

extension HDF5File {
  /// The names that an iteration of HDF5's passes to `HDF5Library.collect`, sorted.
  func names(
    at location: String, _ iterate: (UnsafeMutableRawPointer) -> herr_t
  ) throws -> [String] {
    var names: [[UInt8]] = []
    try check(withUnsafeMutablePointer(to: &names) { iterate($0) }, at: location)
    return try names.sorted { $0.lexicographicallyPrecedes($1) }.map { try text($0, at: location) }
  }

  /// The text before the first zero byte, if any.
  func text(_ bytes: [UInt8], at location: String) throws -> String {
    guard let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) else {
      throw invalid(location, expected: "text in UTF-8", found: "other bytes")
    }
    return text
  }
}

// MARK: Errors

extension HDF5File {
  package func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location, expected: expected, found: found)
  }

  /// Owns the handle that a call of HDF5 returned, or says why there is none.
  func own(_ id: hid_t, at location: String) throws -> HDF5Handle {
    try check(id, at: location)
    return HDF5Handle(id)
  }

  /// Throws what went wrong when `status`, which a call of HDF5 just returned, is negative.
  func check(_ status: some SignedInteger, at location: String) throws {
    if status >= 0 { return }
    let errors = HDF5Library.errors()
    if isWritable {
      throw ReferenceError.inputOutput(
        path: path, reason: "\(location): \(errors.first ?? "HDF5 failed")")
    }
    if let failure = errors.first(where: { $0.hasPrefix("file read failed") }) {
      throw ReferenceError.inputOutput(path: path, reason: "\(location): \(failure)")
    }
    if errors.contains(where: { $0.contains("Fletcher32") }) {
      throw invalid(
        location, expected: "chunks that match their checksums", found: "one that does not")
    }
    throw invalid(
      location, expected: "intact HDF5 structures",
      found: errors.first.map { "damage (\($0))" } ?? "damage")
  }
}

/// Owner of a handle of HDF5's, of whatever kind. Made and destroyed with the library locked.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  init(_ id: hid_t) { self.id = id }

  deinit { H5Idec_ref(id) }
}

/// What concerns HDF5's C library as a whole.
package enum HDF5Library {
  /// The version that runs, such as "1.10.8".
  package static let version: String = locked {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// The library is not re-entrant as Debian builds it. Nor may it clean up when the process ends:
  /// files are closed by then, and what it could not close of a damaged one makes it complain.
  private static let lock: Mutex<Void> = {
    H5dont_atexit()
    _ = chdf5_register_lzf()
    return Mutex(())
  }()

  /// Runs `body` with the library to itself, and with the library's own printing of errors off,
  /// which is a setting of the thread.
  package static func locked<Result: Sendable>(_ body: () throws -> Result) rethrows -> Result {
    try lock.withLock { _ in
      H5Eset_auto2(chdf5_error_stack(), nil, nil)
      return try body()
    }
  }

  /// What the last call that failed reported, the root of the trouble first.
  static func errors() -> [String] {
    var errors: [String] = []
    withUnsafeMutablePointer(to: &errors) { context in
      _ = H5Ewalk2(
        chdf5_error_stack(), H5E_WALK_UPWARD,
        { _, error, context in
          guard let text = error?.pointee.desc, let context else { return 0 }
          context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
          return 0
        }, context)
    }
    return errors
  }

  /// Appends a name to the `[[UInt8]]` that `context` points to.
  static let collect: chdf5_visit_name = { name, context in
    guard let name, let context else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
    context.assumingMemoryBound(to: [[UInt8]].self).pointee.append(Array(bytes))
    return 0
  }

  /// Properties of a new file, group or dataset: attributes of any number in the object's header,
  /// which has a checksum, and no times, so that equal contents make equal bytes.
  static func creationProperties(_ kind: hid_t) -> HDF5Handle {
    let properties = HDF5Handle(H5Pcreate(kind))
    H5Pset_obj_track_times(properties.id, false)
    H5Pset_attr_phase_change(properties.id, 65535, 0)
    return properties
  }

  /// Properties of a new link: its name is in UTF-8.
  static func linkProperties() -> HDF5Handle {
    let properties = HDF5Handle(H5Pcreate(chdf5_class_link_create()))
    H5Pset_char_encoding(properties.id, H5T_CSET_UTF8)
    return properties
  }
}
