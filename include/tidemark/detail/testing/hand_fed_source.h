// A source that a test feeds by hand: records and watermarks, each read when the test releases it. In checkpoints it stands
// as every source does, with the position up to which it was read, so that a restored job reads on from there.
//
// One thread. A feed is shared by the test and the readers of all attempts.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/connectors/source.h"
#include "tidemark/detail/model/batch.h"

namespace tidemark::detail {

/// How much of a feed may be read. Entries are numbered from 0.
struct FeedLimit {
  std::uint64_t released = 0;  ///< entries below are to be read
  bool closed = false;         ///< and behind them is the end
};

class Feed {
 public:
  explicit Feed(std::string name) : name_{std::move(name)} {}
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  const std::string& name() const { return name_; }
  virtual std::uint64_t size() const = 0;
  virtual void add_watermark(Timestamp watermark) = 0;

  FeedLimit limit() const { return limit_; }
  /// Tells the reader if there is one.
  void set_limit(FeedLimit limit);
  /// `wake` makes the reader's task poll again.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }

 protected:
  ~Feed() = default;

 private:
  std::string name_;
  FeedLimit limit_;
  std::function<void()> wake_;
};

template <class T>
class TypedFeed final : public Feed {
 public:
  /// A watermark where there is no record.
  struct Entry {
    std::optional<T> record;
    Timestamp at;
  };

  using Feed::Feed;

  void add(T record, Timestamp at) {
    if constexpr (contains_views_v<T>) {
      for_each_view(record, [&](std::string_view& view) { view = text_.copy(view); });
    }
    entries_.push_back({std::move(record), at});
  }
  void add_watermark(Timestamp watermark) override { entries_.push_back({std::nullopt, watermark}); }
  std::uint64_t size() const override { return entries_.size(); }
  const Entry& entry(std::uint64_t number) const { return entries_[number]; }

 private:
  std::deque<Entry> entries_;
  Arena text_;
};

/// A position as it stands in a split's state.
std::string encode_feed_position(std::uint64_t position);
/// Throws Error for what encode_feed_position() did not write.
std::uint64_t decode_feed_position(std::string_view position);

/// One split: the feed.
MakeSplitEnumerator feed_enumerator();

template <class T>
class FeedReader final : public SplitReader<T> {
 public:
  explicit FeedReader(std::shared_ptr<TypedFeed<T>> feed) : feed_{std::move(feed)} {}
  ~FeedReader() override { feed_->set_wake(nullptr); }

  void start(const OperatorContext& context) override {
    feed_->set_wake([post_mail = context.post_mail] { post_mail([] {}); });
  }
  void open(std::string_view, std::string_view position) override {
    next_ = position.empty() ? 0 : decode_feed_position(position);
  }
  std::string position() const override { return encode_feed_position(next_); }

  typename SplitReader<T>::Read read(Out<T>& out, Out<BadRecord>&, std::uint32_t) override {
    using Outcome = typename SplitReader<T>::Outcome;
    const FeedLimit limit = feed_->limit();
    if (next_ >= limit.released) return {limit.closed ? Outcome::kEnd : Outcome::kNothing, Timestamp::min()};
    // The source makes its watermark of the newest record: one millisecond behind it.
    const auto& first = feed_->entry(next_);
    if (!first.record) return ++next_, typename SplitReader<T>::Read{Outcome::kRecords, first.at + Duration{1}};
    for (std::uint32_t n = 0; n < Batch::kCapacity && next_ < limit.released; ++n, ++next_) {
      const auto& entry = feed_->entry(next_);
      if (!entry.record) break;
      out.emit(entry.at, *entry.record);
    }
    out.flush();
    return {Outcome::kRecords, Timestamp::min()};
  }

 private:
  std::shared_ptr<TypedFeed<T>> feed_;
  std::uint64_t next_ = 0;
};

template <class T>
class FeedSource final : public SourceImplementation<T> {
 public:
  explicit FeedSource(std::shared_ptr<TypedFeed<T>> feed) : feed_{std::move(feed)} {}
  std::string name() const override { return "input '" + feed_->name() + "'"; }
  MakeSplitEnumerator split_enumerator() const override { return feed_enumerator(); }
  std::unique_ptr<SplitReader<T>> make_split_reader() const override { return std::make_unique<FeedReader<T>>(feed_); }

 private:
  std::shared_ptr<TypedFeed<T>> feed_;
};

}  // namespace tidemark::detail
