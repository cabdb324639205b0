// SPDX-License-Identifier: Apache-2.0

// SHA-256 by OpenSSL's EVP interface.
#pragma once
#include <openssl/evp.h>
