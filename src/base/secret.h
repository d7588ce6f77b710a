// Comparing what somebody says with a secret, and not showing one. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark {

/// Takes as long wherever they differ, so that nobody finds the secret letter by letter. Nothing is equal to an empty secret.
inline bool is_same_secret(std::string_view said, std::string_view secret) {
  if (said.size() != secret.size() || secret.empty()) return false;
  unsigned differ = 0;
  for (std::size_t i = 0; i < said.size(); ++i) differ |= static_cast<unsigned char>(said[i]) ^ static_cast<unsigned char>(secret[i]);
  return differ == 0;
}

/// Whether what is set under this key is nobody's to see, by its name.
inline bool is_secret_key(std::string_view key) {
  // As Flink has them.
  constexpr std::array<std::string_view, 11> kSecret = {"password",    "secret",      "fs.azure.account.key", "apikey",     "api-key",     "auth-params",
                                                        "service-key", "token",       "basic-auth",           "jaas.config", "http-headers"};
  std::string small{key};
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::ranges::any_of(kSecret, [&small](std::string_view part) { return small.contains(part); });
}
/// The value, or what stands in its place.
inline std::string shown_value(std::string_view key, std::string_view value) { return std::string{is_secret_key(key) ? "******" : value}; }

}  // namespace tidemark
