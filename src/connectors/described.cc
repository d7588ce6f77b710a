#include "tidemark/detail/connectors/described.h"

#include <utility>

#include "connectors/list_state.h"
#include "tidemark/detail/model/kept_values.h"

namespace tidemark::detail {

std::string describe_item(const std::string& schema, std::string item) {
  return encode_item(DescribedValue{.schema = schema, .item = std::move(item)});
}

std::string described_item(std::string_view bytes, const std::string& schema, const OperatorName& op, std::string_view what) {
  DescribedValue described;
  if (!decode_versioned(bytes, described)) fail_damaged_state(op, what);
  OperatorListState written{std::string{what}, Redistribution::kSplit, std::move(described.schema), {std::move(described.item)}};
  return std::move(converted_items(op, written, schema).front());
}

}  // namespace tidemark::detail
