// SPDX-License-Identifier: Apache-2.0

// The text of kernels.cl, which a device's driver compiles.
#include "CPLKernels.h"

// A part of C23 that clang has for every C.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char source[] = {
#embed "kernels.cl"
    , 0};

const char *cpl_device_source(void) { return source; }
