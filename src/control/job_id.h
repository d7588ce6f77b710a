// How the jobs of a cluster are named. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

/// 32 hexadecimal digits, large or small.
bool is_job_id(std::string_view text);
/// As the cluster writes it.
std::string job_id_of(std::string text);

}  // namespace tidemark
