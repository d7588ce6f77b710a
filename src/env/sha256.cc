#include "env/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <string>

#include "tidemark/detail/base/check.h"

namespace tidemark {

struct Sha256::Context {
  Context() : digest{::EVP_MD_CTX_new()} {
    TIDEMARK_CHECK(digest != nullptr && ::EVP_DigestInit_ex(digest, ::EVP_sha256(), nullptr) == 1, "OpenSSL has SHA-256");
  }
  ~Context() { ::EVP_MD_CTX_free(digest); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_MD_CTX* const digest;
};

Sha256::Sha256() : context_{std::make_unique<Context>()} {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::append(std::string_view bytes) {
  TIDEMARK_CHECK(::EVP_DigestUpdate(context_->digest, bytes.data(), bytes.size()) == 1, "SHA-256 takes any bytes");
}

std::string Sha256::finish_hex() {
  std::array<unsigned char, 32> hash{};
  TIDEMARK_CHECK(::EVP_DigestFinal_ex(context_->digest, hash.data(), nullptr) == 1, "it is finished once");
  std::string hex;
  for (const unsigned char byte : hash) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace tidemark
