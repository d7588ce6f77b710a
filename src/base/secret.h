// Comparing what somebody says with a secret. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemark {

/// Takes as long wherever they differ, so that nobody finds the secret letter by letter. Nothing is equal to an empty secret.
inline bool is_same_secret(std::string_view said, std::string_view secret) {
  if (said.size() != secret.size() || secret.empty()) return false;
  unsigned differ = 0;
  for (std::size_t i = 0; i < said.size(); ++i) differ |= static_cast<unsigned char>(said[i]) ^ static_cast<unsigned char>(secret[i]);
  return differ == 0;
}

}  // namespace tidemark
