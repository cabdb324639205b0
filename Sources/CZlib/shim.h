// SPDX-License-Identifier: Apache-2.0

// CRC-32 and inflate.
#pragma once
#include <zlib.h>
