#include "tidemark/detail/state/list_items.h"

#include <fmt/format.h>

#include "graph/state_evolution.h"
#include "tidemark/error.h"

namespace tidemark::detail {

void fail_damaged_state(const OperatorName& op, std::string_view state) {
  throw Error{ErrorCode::kDataLoss,
              fmt::format("operator '{}' (uid {}): an item of its state '{}' in the checkpoint can't be "
                          "decoded; resume from an older checkpoint with --resume=PATH",
                          op.name, op.uid, state)};
}

std::vector<std::string> converted_items(const OperatorName& op, const OperatorListState& written,
                                         std::string_view schema) {
  if (written.items.empty()) return {};
  const Evolution evolution = evolve_schema(written.schema, schema);
  if (evolution.kind == Evolution::Kind::kRefused) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("operator '{}' (uid {}): its state '{}' can't be restored: {}", op.name, op.uid,
                            written.name, fmt::join(evolution.refusals, "; "))};
  }
  if (evolution.conversion.same) return written.items;
  std::vector<std::string> items;
  ByteWriter converted;
  for (const std::string& item : written.items) {
    if (!convert_value(evolution.conversion, item, converted)) fail_damaged_state(op, written.name);
    items.emplace_back(converted.view());
  }
  return items;
}

}  // namespace tidemark::detail
