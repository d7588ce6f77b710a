#include "tidemark/detail/operators/local_aggregate.h"

#include <algorithm>
#include <string_view>

#include "state/finished_snapshot.h"
#include "tidemark/detail/state/list_items.h"

namespace tidemark::detail {
namespace {

// Stands in checkpoints.
constexpr std::string_view kWatermarkList = "local-watermark";

}  // namespace

Timestamp restored_local_watermark(const OperatorContext& context) {
  const auto watermarks = list_items<Timestamp>(context.restore, kWatermarkList, context.name);
  return watermarks.empty() ? Timestamp::min() : *std::ranges::min_element(watermarks);
}

std::unique_ptr<SnapshotWork> snapshot_local_watermark(const SnapshotRequest& request, const OperatorName& name, Timestamp watermark) {
  if (request.folder.empty()) return nullptr;
  OperatorSnapshot result{.uid = name.uid, .subtask = name.subtask};
  result.list_states.push_back(
      {std::string{kWatermarkList}, Redistribution::kUnion, schema_json_of<Timestamp>(), {encode_item(watermark)}});
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

}  // namespace tidemark::detail
