#include "graph/state_evolution.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "codec/schema.h"

namespace tidemark {
namespace {

Evolution refused(std::string why) { return {.kind = Evolution::Kind::kRefused, .refusals = {std::move(why)}}; }

template <class Evolve>
Evolution evolve_texts(std::string_view saved, std::string_view declared, Evolve&& evolve_types) {
  if (saved == declared) return {};
  if (saved.empty() || declared.empty()) {
    return refused(fmt::format("{} -> {}: these are different states: give the new one another name",
                               saved.empty() ? "nothing" : saved, declared.empty() ? "nothing" : declared));
  }
  const auto from = parse_schema(saved);
  if (!from) return refused(fmt::format("the saved {}: a newer Tidemark may read it", from.error().message()));
  const auto to = parse_schema(declared);
  if (!to) return refused(fmt::format("the declared {}", to.error().message()));
  return evolve_types(*from, *to);
}

// Entries of a broadcast state are restored as values with the two parts key and value, so there the key has to fit the
// rules of both.
Evolution evolve_key_of(const StateDescriptor& saved, const StateDescriptor& declared) {
  Evolution result = evolve_texts(saved.key_schema, declared.key_schema, evolve_key);
  if (saved.kind != StateDescriptor::Kind::kBroadcast || !result.refusals.empty()) return result;
  return evolve_texts(saved.key_schema, declared.key_schema, evolve);
}

void add_key(std::string_view name, Evolution key, Evolution& to) {
  for (std::string& why : key.refusals) to.refusals.push_back(fmt::format("{}: {}", name, why));
}

void add_ttl_change(bool has_ttl, Evolution& to) {
  to.steps.emplace_back(has_ttl ? "entries get a time to live, which begins when they are restored"
                                : "entries have no time to live any more");
  if (to.kind == Evolution::Kind::kSame) to.kind = Evolution::Kind::kMigrates;
}

}  // namespace

Evolution evolve_schema(std::string_view saved, std::string_view declared) {
  return evolve_texts(saved, declared, evolve);
}

Evolution evolve_state(const StateDescriptor& saved, const StateDescriptor& declared) {
  if (saved.kind != declared.kind) {
    return refused(fmt::format("{} -> {}: a state keeps its kind: declare it again, or give the new state another name",
                               to_string(saved.kind), to_string(declared.kind)));
  }
  Evolution result = evolve_schema(saved.value_schema, declared.value_schema);
  add_key("key", evolve_key_of(saved, declared), result);
  add_key("namespace", evolve_texts(saved.namespace_schema, declared.namespace_schema, evolve_key), result);
  if (!result.refusals.empty()) result.kind = Evolution::Kind::kRefused;
  if (saved.has_ttl != declared.has_ttl) add_ttl_change(declared.has_ttl, result);
  return result;
}

}  // namespace tidemark
