// What a sink's files say in the end, where some of its rows are taken away again: those whose text begins with "net " count by
// their numbers, and what is left of each is told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "halved_job.h"

namespace tidemark {

/// Of rows with a text and a number, sorted.
inline std::vector<std::string> net_rows(FileSystem& files, const std::string& folder) {
  std::vector<std::string> written;
  append_rows(files, folder, written);
  std::vector<std::string> rows;
  std::map<std::string, std::int64_t> net;
  for (const std::string& row : written) {
    constexpr std::string_view kNumber = R"(","number":)";
    const std::size_t number = row.find(kNumber);
    if (row.starts_with(R"({"text":"net )")) {
      net[row.substr(0, number)] += std::stoll(row.substr(number + kNumber.size()));
    } else {
      rows.push_back(row);
    }
  }
  for (const auto& [row, times] : net) {
    if (times != 0) rows.push_back(row + " times " + std::to_string(times));
  }
  std::ranges::sort(rows);
  return rows;
}

}  // namespace tidemark
