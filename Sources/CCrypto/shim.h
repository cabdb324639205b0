// SHA-256 by OpenSSL's EVP interface.
#pragma once
#include <openssl/evp.h>
