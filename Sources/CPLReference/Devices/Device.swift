// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Synchronization

/// A device that computes for this process, by way of OpenCL: its queue, its compiled kernels, and all memory on
/// it.
///
/// What is asked of it is done in the order of asking; only `download` waits. Operations are in
/// `Device+Operations.swift`.
public final class Device: Sendable {
  /// What the device is.
  public let description: DeviceDescription

  /// The most work-items that a kernel wants in a group.
  static let largestGroup = 256

  private let library: OpenCLLibrary
  private let context: OpenCLHandle
  private let queue: OpenCLHandle
  private let text: KernelText
  /// How much memory may be in use at once.
  private let memoryLimit: Int
  private let state = Mutex(State())

  private struct State {
    var programs: [ScalarName: OpenCLHandle] = [:]
    var kernels: [ScalarName: [String: OpenCLHandle]] = [:]
    /// Bytes on the device, whether in use or kept for reuse.
    var allocatedBytes = 0
    /// Buffers that are not in use, by their size. What is still to be done with one is done before what is asked
    /// next, so that it can be used again at once.
    var idle: [Int: [OpenCLHandle]] = [:]
    var idleBytes = 0
    /// What ended work on the device, and is not told yet.
    var failure: DeviceError?
  }

  /// Opens a device, which is not compared with the CPU yet.
  ///
  /// - Parameters:
  ///   - text: what it compiles.
  ///   - memoryLimit: how much memory it may use; all that it has without it.
  /// - Throws: `unavailable` for one that lacks what it must have.
  package init(
    _ description: DeviceDescription, text: KernelText = KernelText(), memoryLimit: Int? = nil
  ) throws(DeviceError) {
    guard let library = OpenCLLibrary.system, description.lacks.isEmpty else {
      throw .unavailable(
        device: description.selector, reasons: description.lacks.map { "it lacks \($0)" })
    }
    func unavailable(_ function: String, _ status: Int32) -> DeviceError {
      .unavailable(
        device: description.selector, reasons: ["\(function): \(OpenCLStatus(code: status))"])
    }
    var status: Int32 = 0
    let device: OpaquePointer? = description.handle.pointer
    let context = withUnsafePointer(to: device) {
      library.createContext(nil, 1, $0, nil, nil, &status)
    }
    guard let context else { throw unavailable("clCreateContext", status) }
    guard let queue = library.createQueue(context, description.handle.pointer, 0, &status) else {
      _ = library.releaseContext(context)
      throw unavailable("clCreateCommandQueue", status)
    }
    self.description = description
    self.library = library
    self.context = OpenCLHandle(context)
    self.queue = OpenCLHandle(queue)
    self.text = text
    self.memoryLimit = memoryLimit ?? description.memoryBytes
  }

  deinit {
    let (idle, kernels, programs) = state.withLock { ($0.idle, $0.kernels, $0.programs) }
    for buffer in idle.values.joined() { _ = library.releaseBuffer(buffer.pointer) }
    for kernel in kernels.values.flatMap(\.values) { _ = library.releaseKernel(kernel.pointer) }
    for program in programs.values { _ = library.releaseProgram(program.pointer) }
    _ = library.releaseQueue(queue.pointer)
    _ = library.releaseContext(context.pointer)
  }

  /// Keeps an error that ended work on the device, where it cannot be thrown.
  package func fail(with error: DeviceError) { state.withLock { $0.failure = $0.failure ?? error } }

  /// Throws what ended work on the device since it was last asked.
  package func check() throws(DeviceError) {
    if let failure = state.withLock({ $0.failure.take() }) { throw failure }
  }

  /// The error that a status other than success stands for.
  private func error(_ function: String, _ code: Int32) -> DeviceError {
    let status = OpenCLStatus(code: code)
    return status.isLackOfMemory
      ? .outOfMemory(device: description.selector)
      : .lost(device: description.selector, reason: "\(function): \(status)")
  }
}

// MARK: - Memory

extension Device {
  /// A buffer of so many bytes, whose content is not known.
  ///
  /// - Throws: `outOfMemory` also beyond the limit.
  func allocate(_ bytes: Int) throws(DeviceError) -> OpenCLHandle {
    guard bytes <= description.maximumBufferBytes else {
      throw .outOfMemory(device: description.selector)
    }
    return try state.withLock { state throws(DeviceError) in
      if let idle = state.idle[bytes]?.popLast() {
        state.idleBytes -= bytes
        return idle
      }
      if state.allocatedBytes + bytes > memoryLimit { freeIdle(&state) }
      guard state.allocatedBytes + bytes <= memoryLimit else {
        throw .outOfMemory(device: description.selector)
      }
      let readWrite: UInt64 = 1
      var status: Int32 = 0
      var buffer = library.createBuffer(context.pointer, readWrite, bytes, nil, &status)
      if buffer == nil, OpenCLStatus(code: status).isLackOfMemory {
        freeIdle(&state)
        buffer = library.createBuffer(context.pointer, readWrite, bytes, nil, &status)
      }
      guard let buffer else { throw error("clCreateBuffer", status) }
      state.allocatedBytes += bytes
      return OpenCLHandle(buffer)
    }
  }

  /// Takes a buffer back. Where the sizes that are asked for change, what is kept is given up now and then.
  func reclaim(_ buffer: OpenCLHandle, bytes: Int) {
    state.withLock { state in
      if state.idleBytes + bytes > memoryLimit / 2 { freeIdle(&state) }
      state.idle[bytes, default: []].append(buffer)
      state.idleBytes += bytes
    }
  }

  private func freeIdle(_ state: inout State) {
    for (bytes, buffers) in state.idle {
      for buffer in buffers { _ = library.releaseBuffer(buffer.pointer) }
      state.allocatedBytes -= bytes * buffers.count
    }
    state.idle = [:]
    state.idleBytes = 0
  }

  /// A tensor on the device.
  package func upload<Scalar: TensorScalar>(
    _ tensor: Tensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    DeviceTensor(shape: tensor.shape, array: try upload(tensor.elements))
  }

  /// Numbers on the device.
  func upload<Scalar: TensorScalar>(
    _ elements: [Scalar]
  ) throws(DeviceError) -> DeviceArray<Scalar> {
    let array = try DeviceArray<Scalar>(count: elements.count, on: self)
    guard !elements.isEmpty else { return array }
    let blocking: UInt32 = 1
    let status = elements.withUnsafeBytes { bytes in
      library.writeBuffer(
        queue.pointer, array.buffer.pointer, blocking, 0, bytes.count, bytes.baseAddress!, 0, nil,
        nil)
    }
    guard status == 0 else { throw error("clEnqueueWriteBuffer", status) }
    return array
  }

  /// A tensor back from the device, once all is done that it depends on.
  package func download<Scalar: TensorScalar>(
    _ tensor: DeviceTensor<Scalar>
  ) throws(DeviceError) -> Tensor<Scalar> {
    Tensor(shape: tensor.shape, elements: try download(tensor.array))
  }

  /// Numbers back from the device, once all is done that they depend on.
  package func download(_ numbers: DeviceNumbers) throws(DeviceError) -> [Double] {
    try download(numbers.array)
  }

  private func download<Scalar: TensorScalar>(
    _ array: DeviceArray<Scalar>
  ) throws(DeviceError) -> [Scalar] {
    let count = array.count
    var status: Int32 = 0
    let elements = [Scalar](unsafeUninitializedCapacity: count) { elements, initialized in
      if count > 0 {
        let blocking: UInt32 = 1
        status = library.readBuffer(
          queue.pointer, array.buffer.pointer, blocking, 0,
          count * MemoryLayout<Scalar>.stride, UnsafeMutableRawPointer(elements.baseAddress!), 0,
          nil, nil)
      }
      initialized = status == 0 ? count : 0
    }
    guard status == 0 else { throw error("clEnqueueReadBuffer", status) }
    return elements
  }
}

// MARK: - Kernels

/// An argument of a kernel.
enum KernelArgument<Scalar: TensorScalar> {
  case integer(Int)
  case boolean(Bool)
  case scalar(Scalar)
  /// In binary64.
  case number(Double)
  case array(DeviceArray<Scalar>)
  case numbers(DeviceNumbers)
}

extension Device {
  /// Asks for a kernel to be run on at least `items` work-items, by whole groups.
  ///
  /// - Parameter group: the extents of a group, as many as `items` has.
  func run<Scalar: TensorScalar>(
    _ name: String, items: [Int], group: [Int], _ arguments: [KernelArgument<Scalar>]
  ) throws(DeviceError) {
    guard items.allSatisfy({ $0 > 0 }) else { return }
    let extents = zip(items, group).map { ($0 + $1 - 1) / $1 * $1 }
    try state.withLock { state throws(DeviceError) in
      // A kernel's arguments are its state: nobody else may set them in between.
      let kernel = try kernel(name, ScalarName(Scalar.self), &state).pointer
      for (index, argument) in arguments.enumerated() {
        let status = set(argument, at: UInt32(index), of: kernel)
        guard status == 0 else { throw error("clSetKernelArg \(index) of \(name)", status) }
      }
      let status = library.enqueueKernel(
        queue.pointer, kernel, UInt32(extents.count), nil, extents, group, 0, nil, nil)
      guard status == 0 else { throw error("clEnqueueNDRangeKernel \(name)", status) }
    }
  }

  /// Has the device begin what is asked of it, while the host does something else.
  package func flush() throws(DeviceError) {
    let status = library.flush(queue.pointer)
    guard status == 0 else { throw error("clFlush", status) }
  }

  private func set<Scalar>(
    _ argument: KernelArgument<Scalar>, at index: UInt32, of kernel: OpaquePointer
  ) -> Int32 {
    func set<Value>(_ value: Value) -> Int32 {
      withUnsafeBytes(of: value) { library.setArgument(kernel, index, $0.count, $0.baseAddress) }
    }
    return switch argument {
    case .integer(let value): set(Int32(value))
    case .boolean(let value): set(Int32(value ? 1 : 0))
    case .scalar(let value): set(value)
    case .number(let value): set(value)
    case .array(let array): set(array.buffer.pointer)
    case .numbers(let numbers): set(numbers.array.buffer.pointer)
    }
  }

  private func kernel(
    _ name: String, _ scalar: ScalarName, _ state: inout State
  ) throws(DeviceError) -> OpenCLHandle {
    if let kernel = state.kernels[scalar]?[name] { return kernel }
    let program = try program(scalar, &state)
    var status: Int32 = 0
    guard let kernel = library.createKernel(program.pointer, name, &status) else {
      throw .unavailable(
        device: description.selector,
        reasons: ["clCreateKernel \(name): \(OpenCLStatus(code: status))"])
    }
    state.kernels[scalar, default: [:]][name] = OpenCLHandle(kernel)
    return OpenCLHandle(kernel)
  }

  private func program(
    _ scalar: ScalarName, _ state: inout State
  ) throws(DeviceError) -> OpenCLHandle {
    if let program = state.programs[scalar] { return program }
    var status: Int32 = 0
    let program = text.source(for: scalar).withCString { source in
      withUnsafePointer(to: Optional(source)) {
        library.createProgram(context.pointer, 1, $0, nil, &status)
      }
    }
    guard let program else { throw error("clCreateProgramWithSource", status) }
    let device: OpaquePointer? = description.handle.pointer
    status = withUnsafePointer(to: device) {
      library.buildProgram(program, 1, $0, text.options, nil, nil)
    }
    guard status == 0 else {
      defer { _ = library.releaseProgram(program) }
      throw .unavailable(
        device: description.selector,
        reasons: ["its compiler refuses the kernels: \(OpenCLStatus(code: status))"]
          + buildLog(program))
    }
    state.programs[scalar] = OpenCLHandle(program)
    return OpenCLHandle(program)
  }

  /// The first line of what the compiler says.
  private func buildLog(_ program: OpaquePointer) -> [String] {
    let buildLog: UInt32 = 0x1183
    var size = 0
    guard
      library.getBuildInfo(program, description.handle.pointer, buildLog, 0, nil, &size) == 0,
      size > 1
    else { return [] }
    var bytes = [UInt8](repeating: 0, count: size)
    guard
      library.getBuildInfo(program, description.handle.pointer, buildLog, size, &bytes, nil) == 0
    else { return [] }
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return text.split(separator: "\n").first.map { [String($0)] } ?? []
  }
}
