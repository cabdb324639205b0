// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Threads that do not compute as IEEE 754 has it")
struct ArithmeticTests {
  /// A library that, loaded before the program, changes how its threads compute: all of them, or those
  /// that are started later.
  private static let library = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <pthread.h>
    #include <stdlib.h>
    #if defined(__x86_64__)
    #include <xmmintrin.h>
    static void change(void) { _mm_setcsr(_mm_getcsr() | 0x8040u); }
    #else
    #include <stdint.h>
    static void change(void) {
      uint64_t mode;
      __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
      __asm__ volatile("msr fpcr, %0" : : "r"(mode | (UINT64_C(1) << 24)));
    }
    #endif
    __attribute__((constructor)) static void load(void) { if (getenv("CHANGE_ALL")) change(); }
    struct start { void *(*run)(void *); void *argument; };
    static void *begin(void *pointer) {
      struct start start = *(struct start *)pointer;
      free(pointer);
      change();
      return start.run(start.argument);
    }
    int pthread_create(
      pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
      int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
      struct start *start = malloc(sizeof *start);
      start->run = run;
      start->argument = argument;
      return create(thread, attributes, begin, start);
    }
    """

  /// Runs the program with the library.
  private static func run(_ environment: String, _ arguments: String) throws -> Outcome {
    try withTemporaryFolder { folder in
      try Data(library.utf8).write(to: URL(filePath: folder + "/mode.c"))
      let built = try Program.shell(
        "clang -shared -fPIC -O1 -o mode.so mode.c -ldl || cc -shared -fPIC -O1 -o mode.so mode.c -ldl",
        in: folder)
      try #require(built.code == 0, "\(built)")
      return try Program.shell(
        "\(environment) LD_PRELOAD=./mode.so \"$0\" \(arguments)", in: folder)
    }
  }

  @Test("a program that starts with subnormal numbers flushed to zero refuses at once")
  func atStart() throws {
    let outcome = try Self.run("CHANGE_ALL=1", "synthesize data")
    expectRefusal(
      outcome, code: 65, "flushes small results to zero and takes small operands for zero")
  }

  @Test("a thread that computes so later has its certificates refused")
  func otherThreads() throws {
    let outcome = try Self.run(
      "", "certify \(SampleRun.weights) --limit 20 --threads 2 --quiet")
    expectRefusal(outcome, code: 65, "flushes small results to zero")
  }
}
