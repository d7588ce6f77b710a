// How many documents stand in a YAML text. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

namespace tidemark {

/// Throws YAML::Exception for text that is no YAML. Comes to an end on any text, which YAML::LoadAll() does not: on a
/// token that begins no document, such as a comma, it makes empty documents until memory is full.
std::size_t count_yaml_documents(const std::string& text);

}  // namespace tidemark
