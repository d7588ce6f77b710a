#include "tidemark/detail/state/entry_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/memory_file_system.h"
#include "env/scratch_folder.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/state/cow_domain.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Values are lists: merged, the newer one stands behind.
class Joined final : public ValueFold {
 public:
  std::string_view fold(std::span<const std::string_view> values) override {
    value_.clear();
    for (const std::string_view value : values) value_.append(value);
    return value_;
  }

 private:
  std::string value_;
};

using Place = std::pair<std::uint64_t, std::string>;  // hash and key
using Content = std::map<Place, std::string>;

/// Few hashes, so that many keys share one.
std::uint64_t hash_of(std::uint64_t key) { return hash_bytes(std::to_string(key % 50)); }

class EntryRunsTest : public testing::Test {
 protected:
  /// Some keys of a small space, each with one entry that may be of any kind; the model follows.
  void add_run(std::uint64_t most_keys, std::size_t value_size) {
    std::map<Place, std::pair<RunEntryKind, std::string>> entries;
    for (std::uint64_t n = random_.next() % most_keys; n > 0; --n) {
      const std::uint64_t key = random_.next() % 300;
      const auto kind = static_cast<RunEntryKind>(random_.next() % 3);
      std::string value;
      if (kind != RunEntryKind::kErased) value = std::to_string(++written_) + std::string(value_size, '.') + ",";
      entries[{hash_of(key), "key " + std::to_string(key)}] = {kind, std::move(value)};
    }
    EntryRunWriter writer{scratch_, true};
    for (const auto& [place, entry] : entries) {
      const auto& [kind, value] = entry;
      writer.add({place.first, place.second, kind, value});
      if (kind != RunEntryKind::kMerged) expected_.erase(place);
      if (kind != RunEntryKind::kErased) expected_[place] += value;
    }
    runs_.add(writer.finish());
  }
  Content merged() const {
    Content content;
    Joined fold;
    std::optional<Place> before;
    for (RunMerge merge{runs_.oldest_first()}; !merge.at_end(); merge.next()) {
      const Place place{merge.hash(), merge.key()};
      EXPECT_TRUE(!before || *before < place);
      before = place;
      if (!merge.values().empty()) content[place] = fold.fold(merge.values());
    }
    return content;
  }
  std::size_t files() {
    const auto entries = files_.list("/scratch");
    return entries ? entries->size() : 0;
  }

  SplitMixRandom random_{5};
  MemoryFileSystem files_;
  ScratchFolder scratch_{files_, "/scratch", "see to the disk"};
  EntryRuns runs_;
  Content expected_;
  std::uint64_t written_ = 0;
};

TEST_F(EntryRunsTest, GiveWhatTheEntriesOfEachKeyComeTo) {
  for (int i = 0; i < 20; ++i) {
    add_run(400, i % 3 == 0 ? 100 : 0);  // of several blocks and of a part of one
    ASSERT_EQ(merged(), expected_);
  }
}

TEST_F(EntryRunsTest, FindAKeyAlsoWhereManyShareItsHash) {
  for (int i = 0; i < 6; ++i) add_run(600, 300);
  Joined fold;
  for (std::uint64_t key = 0; key < 320; ++key) {
    const Place place{hash_of(key), "key " + std::to_string(key)};
    std::string found;
    for (const std::string& value : runs_.find(place.first, place.second)) found += value;
    const auto expected = expected_.find(place);
    ASSERT_EQ(found, expected == expected_.end() ? "" : expected->second) << key;
  }
  EXPECT_THAT(runs_.find(0, "none"), ElementsAre());
  EXPECT_THAT(runs_.find(UINT64_MAX, "none"), ElementsAre());
}

TEST_F(EntryRunsTest, BecomeFewerAndComeToTheSame) {
  Joined fold;
  std::unique_ptr<RunCompaction> compaction;
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    add_run(30, 0);
    if (compaction == nullptr && RunCompaction::is_due(runs_)) {
      compaction = std::make_unique<RunCompaction>(runs_, scratch_, true);
    }
    if (compaction != nullptr && compaction->step(25, fold)) compaction.reset();
    most = std::max(most, runs_.size());
    ASSERT_EQ(merged(), expected_);
  }
  EXPECT_LT(most, 30u);
  compaction.reset();
  EXPECT_EQ(files(), runs_.size());
  while (RunCompaction::is_due(runs_)) EXPECT_TRUE(RunCompaction(runs_, scratch_, true).step(SIZE_MAX, fold));
  EXPECT_LT(runs_.size(), 12u);
  EXPECT_EQ(merged(), expected_);
}

TEST_F(EntryRunsTest, AViewOfThemAndTablesHasEachKeyOnceInTheOrderOfHashes) {
  struct Sink final : EntrySink {
    void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
      EXPECT_LE(last, hash);
      last = hash;
      EXPECT_TRUE(content.emplace(Place{hash, key}, value).second) << key;
    }
    void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override { FAIL(); }
    std::uint64_t last = 0;
    Content content;
  };
  using Table = StateTable<std::string_view, std::string>;
  /// Of values as that table encodes them.
  class JoinedStrings final : public ValueFold {
   public:
    std::string_view fold(std::span<const std::string_view> values) override {
      std::string all;
      for (const std::string_view value : values) {
        std::string one;
        EXPECT_TRUE(StoredValue<std::string>::decode(value, one));
        all += one;
      }
      value_.clear();
      StoredValue<std::string>::encode(all, value_);
      return value_.view();
    }

   private:
    ByteWriter value_;
  };
  const auto encoded = [](const std::string& text) {
    ByteWriter value;
    StoredValue<std::string>::encode(text, value);
    return value.take();
  };
  Content expected;
  const auto key_of = [](std::int64_t i) { return "key " + std::to_string(i); };
  for (int run = 0; run < 3; ++run) {
    std::map<Place, std::string> entries;
    for (std::int64_t i = run; i < 3000; i += run + 2) entries[{hash_bytes(key_of(i)), key_of(i)}] = std::to_string(run);
    EntryRunWriter writer{scratch_, false};
    for (const auto& [place, text] : entries) {
      writer.add({place.first, place.second, RunEntryKind::kMerged, encoded(text)});
      expected[place] += text;
    }
    runs_.add(writer.finish());
  }
  CowDomain domain;
  Table tables[]{Table{domain}, Table{domain}};
  for (std::int64_t table = 0; table < 2; ++table) {
    for (std::int64_t i = table; i < 4000; i += 5 + 2 * table) {
      const std::string value = "t" + std::to_string(table);
      tables[table].insert(hash_bytes(key_of(i)), key_of(i), value);
      expected[{hash_bytes(key_of(i)), key_of(i)}] += value;
    }
  }
  for (auto& [place, text] : expected) text = encoded(text);
  const std::uint32_t bound = domain.begin();
  {
    std::vector<std::unique_ptr<TableView>> newer;
    for (Table& table : tables) newer.push_back(table.view(bound));
    const auto view = view_of_runs(runs_, std::move(newer), std::make_unique<JoinedStrings>());
    runs_ = {};
    for (Table& table : tables) table.clear();
    Sink sink;
    for (std::size_t i = 0; i < view->segment_count(); ++i) view->read_segment(i, sink);
    EXPECT_EQ(sink.content, expected);
  }
  domain.end(bound);
  EXPECT_EQ(files(), 0u);
}

TEST_F(EntryRunsTest, ADamagedOneIsNamed) {
  add_run(300, 300);
  const auto entries = value_or_throw(files_.list("/scratch"));
  ASSERT_EQ(entries.size(), 1u);
  const std::string path = "/scratch/" + entries.front().name;
  std::string bytes = value_or_throw(read_file(files_, path));
  bytes[bytes.size() / 2] ^= 1;
  value_or_throw(replace_file(files_, path, bytes));
  try {
    merged();
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_EQ(error.retry(), Retry::kRestart);
    EXPECT_THAT(error.message(), HasSubstr(path + ": state in it does not have its checksum"));
  }
}

}  // namespace
}  // namespace tidemark::detail
