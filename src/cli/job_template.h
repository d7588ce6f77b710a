// What a new job project is made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark {

struct TemplateFile {
  std::string path;  ///< below the project's folder
  std::string text;
};

/// An error that says what names there can be, if it can't name a folder, a CMake target and a job at once.
Result<> check_project_name(std::string_view name);

/// A project that builds against an installed Tidemark and runs at once. `name` has passed the check.
std::vector<TemplateFile> job_template(std::string_view name);

}  // namespace tidemark
