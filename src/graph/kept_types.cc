#include "graph/kept_types.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "codec/schema.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {
namespace {

using detail::DescribedValue;
using detail::EnumeratorState;
using detail::HybridState;
using detail::SplitState;

template <class T>
std::optional<T> read_as(std::string_view bytes) {
  T value{};
  detail::ByteReader in{bytes};
  detail::decode(in, value);
  if (!in.ok() || in.remaining() != 0) return std::nullopt;
  if constexpr (requires { T::kVersion; }) {
    if (value.version != T::kVersion) return std::nullopt;
  }
  return value;
}

// Nothing for bytes of a source's or a sink's own: as canonical JSON a schema is a text or an object.
std::optional<std::string> schema_in(std::string_view bytes) {
  auto described = read_as<DescribedValue>(bytes);
  if (!described || !(described->schema.starts_with('"') || described->schema.starts_with('{'))) return std::nullopt;
  return std::move(described->schema);
}

// Of a user's source, the split's out of that of all splits which no reader has. What a newer version wrote stays whole, to be
// refused as such.
std::string split_in(const std::string& found_splits) {
  const auto type = parse_schema(found_splits);
  if (!type) return found_splits;
  const auto splits = std::ranges::find(type->fields, detail::kUnassignedSplits, &TypeField::name);
  if (splits == type->fields.end() || splits->type.kind != TypeKind::kList) return found_splits;
  return schema_json(splits->type.fields.front().type);
}

class Collector {
 public:
  std::vector<KeptType> take() && { return std::move(found_); }

  void add_committable(std::string_view bytes) { add({}, detail::kKeptCommittable, schema_in(bytes)); }

  void add_unassigned(std::string_view bytes, const std::string& stage = {}) {
    if (const auto schema = schema_in(bytes)) return add(stage, detail::kKeptSplit, split_in(*schema));
    const auto both = read_as<HybridState>(bytes);
    if (!both) return;
    add_unassigned(both->first, stage + std::string{detail::kStageNames[0]});
    add_unassigned(both->then, stage + std::string{detail::kStageNames[1]});
  }

  void add_split(std::string_view split, const std::string& position, const std::string& stage = {}) {
    for (std::size_t i = 0; i < detail::kStageLetters.size(); ++i) {
      if (split.starts_with(detail::kStageLetters[i])) {
        return add_split(split.substr(1), position, stage + std::string{detail::kStageNames[i]});
      }
    }
    const auto schema = schema_in(split);
    if (!schema) return;
    add(stage, detail::kKeptSplit, schema);
    add(stage, detail::kKeptPosition, schema_in(position));
  }

 private:
  void add(const std::string& stage, std::string_view name, std::optional<std::string> schema) {
    if (!schema) return;
    KeptType type{stage + std::string{name}, *std::move(schema)};
    if (std::ranges::find(found_, type) == found_.end()) found_.push_back(std::move(type));
  }

  std::vector<KeptType> found_;
};

/// The items of a list as they are written now; those of another version are passed over.
template <class T, class Take>
void for_each_item(const OperatorListState& list, std::string_view name, Take take) {
  if (list.name != name || list.schema != detail::schema_json_of<T>()) return;
  for (const std::string& bytes : list.items) {
    if (const auto item = read_as<T>(bytes)) take(*item);
  }
}

}  // namespace

std::vector<KeptType> kept_types(const CheckpointMetadata::Operator& from) {
  Collector types;
  for (const OperatorSnapshot& subtask : from.subtasks) {
    for (const OperatorListState& list : subtask.list_states) {
      for_each_item<EnumeratorState>(list, detail::kEnumeratorList,
                                     [&](const EnumeratorState& item) { types.add_unassigned(item.unassigned); });
      for_each_item<SplitState>(list, detail::kSplitsList,
                                [&](const SplitState& item) { types.add_split(item.split, item.position); });
    }
    for (const std::string& committable : subtask.committables) types.add_committable(committable);
  }
  return std::move(types).take();
}

}  // namespace tidemark
