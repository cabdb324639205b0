// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A handle of an OpenCL object. OpenCL's functions may be called from any thread.
struct OpenCLHandle: Hashable, @unchecked Sendable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }
}

/// The system's OpenCL loader, opened at run time: nothing is linked with it, and a machine without it lacks
/// nothing else.
///
/// The functions' types are those of OpenCL 1.2 (Khronos, *The OpenCL Specification*): handles are pointers,
/// sizes `size_t`, all else fixed in width.
struct OpenCLLibrary: Sendable {
  typealias Handle = OpaquePointer
  typealias GetPlatforms =
    @Sendable @convention(c) (UInt32, UnsafeMutablePointer<Handle?>?, UnsafeMutablePointer<UInt32>?)
    -> Int32
  typealias GetDevices =
    @Sendable @convention(c) (
      Handle, UInt64, UInt32, UnsafeMutablePointer<Handle?>?, UnsafeMutablePointer<UInt32>?
    ) -> Int32
  typealias GetInfo =
    @Sendable @convention(c) (
      Handle, UInt32, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?
    ) -> Int32
  typealias CreateContext =
    @Sendable @convention(c) (
      UnsafePointer<Int>?, UInt32, UnsafePointer<Handle?>, UnsafeRawPointer?,
      UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>
    ) -> Handle?
  typealias CreateQueue =
    @Sendable @convention(c) (Handle, Handle, UInt64, UnsafeMutablePointer<Int32>) -> Handle?
  typealias CreateProgram =
    @Sendable @convention(c) (
      Handle, UInt32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int>?,
      UnsafeMutablePointer<Int32>
    ) -> Handle?
  typealias BuildProgram =
    @Sendable @convention(c) (
      Handle, UInt32, UnsafePointer<Handle?>, UnsafePointer<CChar>, UnsafeRawPointer?,
      UnsafeMutableRawPointer?
    ) -> Int32
  typealias GetBuildInfo =
    @Sendable @convention(c) (
      Handle, Handle, UInt32, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?
    ) -> Int32
  typealias CreateKernel =
    @Sendable @convention(c) (Handle, UnsafePointer<CChar>, UnsafeMutablePointer<Int32>) -> Handle?
  typealias SetArgument =
    @Sendable @convention(c) (Handle, UInt32, Int, UnsafeRawPointer?) -> Int32
  typealias CreateBuffer =
    @Sendable @convention(c) (
      Handle, UInt64, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>
    ) -> Handle?
  typealias WriteBuffer =
    @Sendable @convention(c) (
      Handle, Handle, UInt32, Int, Int, UnsafeRawPointer, UInt32, UnsafeRawPointer?,
      UnsafeMutableRawPointer?
    ) -> Int32
  typealias ReadBuffer =
    @Sendable @convention(c) (
      Handle, Handle, UInt32, Int, Int, UnsafeMutableRawPointer, UInt32, UnsafeRawPointer?,
      UnsafeMutableRawPointer?
    ) -> Int32
  typealias EnqueueKernel =
    @Sendable @convention(c) (
      Handle, Handle, UInt32, UnsafePointer<Int>?, UnsafePointer<Int>, UnsafePointer<Int>?, UInt32,
      UnsafeRawPointer?, UnsafeMutableRawPointer?
    ) -> Int32
  typealias OfHandle = @Sendable @convention(c) (Handle) -> Int32

  /// The name by which it is looked for.
  static let name = "libOpenCL.so.1"

  let getPlatforms: GetPlatforms
  let getPlatformInfo: GetInfo
  let getDevices: GetDevices
  let getDeviceInfo: GetInfo
  let createContext: CreateContext
  let createQueue: CreateQueue
  let createProgram: CreateProgram
  let buildProgram: BuildProgram
  let getBuildInfo: GetBuildInfo
  let createKernel: CreateKernel
  let setArgument: SetArgument
  let createBuffer: CreateBuffer
  let writeBuffer: WriteBuffer
  let readBuffer: ReadBuffer
  let enqueueKernel: EnqueueKernel
  let flush: OfHandle
  let releaseContext: OfHandle
  let releaseQueue: OfHandle
  let releaseProgram: OfHandle
  let releaseKernel: OfHandle
  let releaseBuffer: OfHandle

  /// The loader of this system; nil where it has none, or one that lacks a function. It stays open.
  static let system: OpenCLLibrary? = dlopen(name, RTLD_NOW | RTLD_LOCAL).flatMap(
    OpenCLLibrary.init)

  private init?(_ library: UnsafeMutableRawPointer) {
    func function<Function>(_ name: String) -> Function? {
      dlsym(library, name).map { unsafeBitCast($0, to: Function.self) }
    }
    guard let getPlatforms: GetPlatforms = function("clGetPlatformIDs"),
      let getPlatformInfo: GetInfo = function("clGetPlatformInfo"),
      let getDevices: GetDevices = function("clGetDeviceIDs"),
      let getDeviceInfo: GetInfo = function("clGetDeviceInfo"),
      let createContext: CreateContext = function("clCreateContext"),
      let createQueue: CreateQueue = function("clCreateCommandQueue"),
      let createProgram: CreateProgram = function("clCreateProgramWithSource"),
      let buildProgram: BuildProgram = function("clBuildProgram"),
      let getBuildInfo: GetBuildInfo = function("clGetProgramBuildInfo"),
      let createKernel: CreateKernel = function("clCreateKernel"),
      let setArgument: SetArgument = function("clSetKernelArg"),
      let createBuffer: CreateBuffer = function("clCreateBuffer"),
      let writeBuffer: WriteBuffer = function("clEnqueueWriteBuffer"),
      let readBuffer: ReadBuffer = function("clEnqueueReadBuffer"),
      let enqueueKernel: EnqueueKernel = function("clEnqueueNDRangeKernel"),
      let flush: OfHandle = function("clFlush"),
      let releaseContext: OfHandle = function("clReleaseContext"),
      let releaseQueue: OfHandle = function("clReleaseCommandQueue"),
      let releaseProgram: OfHandle = function("clReleaseProgram"),
      let releaseKernel: OfHandle = function("clReleaseKernel"),
      let releaseBuffer: OfHandle = function("clReleaseMemObject")
    else { return nil }
    self.getPlatforms = getPlatforms
    self.getPlatformInfo = getPlatformInfo
    self.getDevices = getDevices
    self.getDeviceInfo = getDeviceInfo
    self.createContext = createContext
    self.createQueue = createQueue
    self.createProgram = createProgram
    self.buildProgram = buildProgram
    self.getBuildInfo = getBuildInfo
    self.createKernel = createKernel
    self.setArgument = setArgument
    self.createBuffer = createBuffer
    self.writeBuffer = writeBuffer
    self.readBuffer = readBuffer
    self.enqueueKernel = enqueueKernel
    self.flush = flush
    self.releaseContext = releaseContext
    self.releaseQueue = releaseQueue
    self.releaseProgram = releaseProgram
    self.releaseKernel = releaseKernel
    self.releaseBuffer = releaseBuffer
  }
}
