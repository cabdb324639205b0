// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// An OpenCL loader that stands before the system's and alters what it says, by the environment variable ALTER, a
/// list of:
///
/// - `gpu`: every device is a graphics processor.
/// - `no-fma`: no device promises fused products in binary32.
/// - `small`: buffers beyond 1 MiB, more than the comparison with the CPU takes, cannot be allocated.
/// - `lost`: 2,840 bytes, binary32 logits of 71 images in 10 classes, cannot be read.
enum AlteredOpenCL {
  /// The folder of the library, which a program finds by LD_LIBRARY_PATH; nil without a C compiler or OpenCL.
  static let folder: String? = {
    guard AnyDevice.exists else { return nil }
    let folder = NSTemporaryDirectory() + "/cpl-verify-opencl-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      atexit { AlteredOpenCL.folder.map { try? FileManager.default.removeItem(atPath: $0) } }
      try write(source, to: folder + "/altered.c")
      let build = "clang -shared -fPIC -O1 -o libOpenCL.so.1 altered.c -ldl"
      return try RunningProgram.tool("sh", ["-c", "cd '\(folder)' && \(build)"])().code == 0
        ? folder : nil
    } catch {
      return nil
    }
  }()

  static let absence = "no OpenCL device, or no C compiler"

  /// A shell's words before the program, by which it finds the altered loader.
  static func environment(_ alterations: String) -> String {
    // A variable that names drivers has them looked for also where there is no graphics processor.
    "ALTER=\(alterations) LD_LIBRARY_PATH='\(folder ?? "")' OCL_ICD_VENDORS=/etc/OpenCL/vendors"
  }

  /// Every function has at most nine arguments, each of which a register or a stack slot holds.
  private static let source = #"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    typedef intptr_t word;
    typedef word function(word, word, word, word, word, word, word, word, word);

    static function *original(const char *name) {
      static void *library;
      const char *paths[] = {
          "/usr/lib/x86_64-linux-gnu/libOpenCL.so.1", "/usr/lib/aarch64-linux-gnu/libOpenCL.so.1",
          "/usr/lib64/libOpenCL.so.1", "/usr/lib/libOpenCL.so.1"};
      for (int i = 0; i < 4 && !library; i++) library = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
      return library ? (function *)dlsym(library, name) : 0;
    }

    static int alters(const char *what) {
      const char *list = getenv("ALTER");
      return list && strstr(list, what);
    }

    #define PARAMETERS word a, word b, word c, word d, word e, word f, word g, word h, word i
    #define FORWARD(name) original(#name)(a, b, c, d, e, f, g, h, i)
    #define SAME(name) word name(PARAMETERS) { return FORWARD(name); }

    SAME(clGetPlatformIDs) SAME(clGetPlatformInfo) SAME(clGetDeviceIDs) SAME(clCreateContext)
    SAME(clCreateCommandQueue) SAME(clCreateProgramWithSource) SAME(clBuildProgram)
    SAME(clGetProgramBuildInfo) SAME(clCreateKernel) SAME(clSetKernelArg)
    SAME(clEnqueueWriteBuffer) SAME(clEnqueueNDRangeKernel) SAME(clReleaseContext)
    SAME(clFlush) SAME(clReleaseCommandQueue) SAME(clReleaseProgram) SAME(clReleaseKernel) SAME(clReleaseMemObject)

    word clGetDeviceInfo(PARAMETERS) {
      word status = FORWARD(clGetDeviceInfo);
      if (status == 0 && d && b == 0x1000 && alters("gpu")) *(uint64_t *)d = 4;
      if (status == 0 && d && b == 0x101B && alters("no-fma")) *(uint64_t *)d &= ~(uint64_t)32;
      return (int32_t)status;
    }

    word clCreateBuffer(PARAMETERS) {
      if (alters("small") && c > 1 << 20) {
        *(int32_t *)e = -4;
        return 0;
      }
      return FORWARD(clCreateBuffer);
    }

    word clEnqueueReadBuffer(PARAMETERS) {
      if (alters("lost") && e == 2840) return -36;
      return FORWARD(clEnqueueReadBuffer);
    }
    """#
}
