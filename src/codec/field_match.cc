#include "codec/field_match.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark {
namespace {

using Fields = std::vector<TypeField>;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// Whether `field` was called `former`, and the saved state does not yet know.
bool was_called(const TypeField& field, const std::string& former, const Fields& saved) {
  if (!contains(field.aliases, former)) return false;
  const auto same_name = std::ranges::find(saved, field.name, &TypeField::name);
  return same_name == saved.end() || !contains(same_name->aliases, former);
}

std::vector<std::uint32_t> candidates(const TypeField& field, const Fields& saved) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < saved.size(); ++i) {
    if (saved[i].name == field.name || was_called(field, saved[i].name, saved)) found.push_back(i);
  }
  return found;
}

void find_what_nobody_takes(const Fields& saved, FieldMatch& match) {
  for (std::uint32_t i = 0; i < saved.size(); ++i) {
    if (std::ranges::find(match.source, i) == match.source.end()) match.removed.push_back(i);
  }
}

bool are_unnamed(const Fields& alternatives) {
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    if (alternatives[i].name != std::to_string(i)) return false;
  }
  return true;
}

}  // namespace

FieldMatch match_fields(const Fields& saved, const Fields& declared) {
  FieldMatch match;
  std::vector<const TypeField*> taker(saved.size());
  for (const TypeField& field : declared) {
    const auto found = candidates(field, saved);
    match.source.push_back(found.empty() ? std::nullopt : std::optional{found.front()});
    if (found.size() > 1) {
      match.ambiguities.push_back(fmt::format(
          "'{}' could be the saved '{}' or the saved '{}': remove the alias that is wrong; where two fields change "
          "names with each other, do it in two steps with a third name",
          field.name, saved[found[0]].name, saved[found[1]].name));
    }
    for (const std::uint32_t i : found) {
      if (taker[i] != nullptr) {
        match.ambiguities.push_back(
            fmt::format("the saved '{}' could become '{}' or '{}': remove the alias that is wrong", saved[i].name,
                        taker[i]->name, field.name));
      }
      taker[i] = &field;
    }
  }
  find_what_nobody_takes(saved, match);
  return match;
}

FieldMatch match_alternatives(const Fields& saved, const Fields& declared) {
  if (!are_unnamed(saved)) return match_fields(saved, declared);
  FieldMatch match{.by_place = true};
  for (std::uint32_t i = 0; i < declared.size(); ++i) {
    match.source.push_back(i < saved.size() ? std::optional{i} : std::nullopt);
  }
  find_what_nobody_takes(saved, match);
  return match;
}

}  // namespace tidemark
