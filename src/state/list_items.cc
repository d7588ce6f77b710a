#include "tidemark/detail/state/list_items.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::detail {

void fail_damaged_state(const OperatorName& op, std::string_view state) {
  throw Error{ErrorCode::kDataLoss, fmt::format("operator '{}' (uid {}): an item of its state '{}' in the checkpoint can't be "
                                                "decoded; resume from an older checkpoint with --resume=PATH",
                                                op.name, op.uid, state)};
}

}  // namespace tidemark::detail
