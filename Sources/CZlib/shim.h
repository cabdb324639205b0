// CRC-32 and inflate.
#pragma once
#include <zlib.h>
