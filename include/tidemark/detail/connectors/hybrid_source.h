// Two sources in one: splits of the second are handed out when every reader has read all of the first. Which of them a split
// belongs to stands in its first byte.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/source.h"

namespace tidemark::detail {

MakeSplitEnumerator hybrid_split_enumerator(MakeSplitEnumerator first, MakeSplitEnumerator then);

/// Those of both, by their stages.
std::vector<KeptType> hybrid_kept(std::vector<KeptType> first, std::vector<KeptType> then);

/// 0 or 1. Throws Error for a split of no hybrid source.
std::size_t stage_of_split(std::string_view split, const OperatorName& op);

template <class T>
class HybridSplitReader final : public SplitReader<T> {
 public:
  HybridSplitReader(std::unique_ptr<SplitReader<T>> first, std::unique_ptr<SplitReader<T>> then) : readers_{std::move(first), std::move(then)} {}

  void start(const OperatorContext& context) override {
    name_ = context.name;
    for (auto& reader : readers_) reader->start(context);
  }
  void open(std::string_view split, std::string_view position) override {
    stage_ = stage_of_split(split, name_);
    current().open(split.substr(1), position);
  }
  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>& bad, std::uint32_t most) override { return current().read(out, bad, most); }
  bool side_by_side() const override { return current().side_by_side(); }
  std::string position() const override { return current().position(); }
  void at_barrier(CheckpointId id) override {
    for (auto& reader : readers_) reader->at_barrier(id);
  }
  void checkpoint_completed(CheckpointId id) override {
    for (auto& reader : readers_) reader->checkpoint_completed(id);
  }
  void checkpoint_aborted(CheckpointId id) override {
    for (auto& reader : readers_) reader->checkpoint_aborted(id);
  }
  bool settled() override { return readers_[0]->settled() && readers_[1]->settled(); }
  std::int64_t retry_after_ns() const override { return current().retry_after_ns(); }
  std::uint64_t skipped() const override { return readers_[0]->skipped() + readers_[1]->skipped(); }
  std::uint64_t bytes_read() const override { return readers_[0]->bytes_read() + readers_[1]->bytes_read(); }
  PendingInput pending_in(std::string_view split, std::string_view position) const override {
    return readers_[stage_of_split(split, name_)]->pending_in(split.substr(1), position);
  }

 private:
  SplitReader<T>& current() { return *readers_[stage_]; }
  const SplitReader<T>& current() const { return *readers_[stage_]; }

  std::array<std::unique_ptr<SplitReader<T>>, 2> readers_;
  std::size_t stage_ = 0;
  OperatorName name_;
};

template <class T>
class HybridSourceImplementation final : public SourceImplementation<T> {
 public:
  HybridSourceImplementation(SourceDescription<T> first, SourceDescription<T> then) : first_{std::move(first)}, then_{std::move(then)} {}

  std::string name() const override { return first_.name() + ", then " + then_.name(); }
  MakeSplitEnumerator split_enumerator() const override {
    return hybrid_split_enumerator(first_.implementation().split_enumerator(), then_.implementation().split_enumerator());
  }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override {
    return std::make_unique<HybridSplitReader<T>>(first_.implementation().make_split_reader(), then_.implementation().make_split_reader());
  }
  SourceTiming timing() const override {
    SourceTiming timing = then_.implementation().timing();
    timing.out_of_orderness = std::max(timing.out_of_orderness, first_.implementation().timing().out_of_orderness);
    return timing;
  }
  OnError on_error() const override {
    const OnError first = first_.implementation().on_error();
    return first.action == OnError::Action::kSideOutput ? first : then_.implementation().on_error();
  }
  std::vector<KeptType> kept() const override { return hybrid_kept(first_.implementation().kept(), then_.implementation().kept()); }
  bool bounded() const override { return then_.implementation().bounded(); }

 private:
  SourceDescription<T> first_;
  SourceDescription<T> then_;
};

}  // namespace tidemark::detail
