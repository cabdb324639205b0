// SPDX-License-Identifier: Apache-2.0

// What the Swift runtime, built with a newer compiler, expects of the C++ library and Debian 11's lacks:
// std::__throw_bad_array_new_length(), called where a table would outgrow the address space.
#include <stdlib.h>

_Noreturn void _ZSt28__throw_bad_array_new_lengthv(void) { abort(); }
