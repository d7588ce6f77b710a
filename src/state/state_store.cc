#include "tidemark/state_store.h"

namespace tidemark {
namespace {

// Behind those that come before `from`.
class EntriesFrom final : public StateEntries {
 public:
  EntriesFrom(std::unique_ptr<StateEntries> all, std::string_view from) : all_{std::move(all)}, from_{from} {}

  bool next() override {
    if (started_) return all_->next();
    started_ = true;
    while (all_->next()) {
      if (all_->key() >= from_) return true;
    }
    return false;
  }
  std::string_view key() const override { return all_->key(); }
  std::string_view value() const override { return all_->value(); }

 private:
  std::unique_ptr<StateEntries> all_;
  const std::string from_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<StateEntries> StateStoreSnapshot::entries_from(std::uint32_t state, std::string_view from) {
  return std::make_unique<EntriesFrom>(entries(state), from);
}

}  // namespace tidemark
