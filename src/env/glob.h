// What a pattern of paths says by itself; see glob() in file_system.h. Pure.
#pragma once

#include <string>

namespace tidemark {

/// The folder that the pattern names before its first wildcard.
std::string fixed_folder(const std::string& pattern);

}  // namespace tidemark
