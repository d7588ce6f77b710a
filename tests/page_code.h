// For tests that hold the code in docs/ to what they compile.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {

inline std::string slurp(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The parts of the page between ```<language> and ```.
inline std::vector<std::string> blocks(const std::string& page, const std::string& language) {
  std::vector<std::string> result;
  const std::string open = "```" + language + "\n";
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    const std::size_t end = page.find("```", at);
    result.push_back(page.substr(at, end - at));
    at = end;
  }
  return result;
}

/// The parts of code between empty lines.
inline std::vector<std::string> paragraphs(const std::string& code) {
  std::vector<std::string> result;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find("\n\n", at), code.size());
    result.push_back(code.substr(at, end - at));
    at = end + 2;
  }
  return result;
}

/// Without the blanks at the beginning of lines, for code that a page has at another depth than its test.
inline std::string without_margins(const std::string& code) {
  std::string result;
  bool at_begin = true;
  for (const char c : code) {
    if (at_begin && c == ' ') continue;
    at_begin = c == '\n';
    result += c;
  }
  return result;
}

/// The C++ of the page that begins with these words; empty, and a failure of the test, if there is none.
inline std::string block_beginning_with(const std::string& words, const std::string& page) {
  for (std::string& block : blocks(page, "cpp")) {
    if (block.starts_with(words)) return std::move(block);
  }
  ADD_FAILURE() << "no code that begins with " << words;
  return {};
}

}  // namespace tidemark
