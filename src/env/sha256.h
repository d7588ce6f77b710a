// SHA-256 of bytes that come in parts: names content that comes from elsewhere, which nobody can forge. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tidemark {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void append(std::string_view bytes);
  /// 64 lowercase hexadecimal digits. Once, and nothing behind it.
  std::string finish_hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace tidemark
