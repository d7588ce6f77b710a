// Snapshots of what changed, taken while the table is written: on top of what an older snapshot held, each must give exactly
// what stood in the table at its trigger.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "state/table_stress_test.h"

namespace tidemark::detail {
namespace {

struct Changes final : EntrySink, ErasedSink {
  std::uint32_t bound = 0;
  std::unique_ptr<TableView> view;
  std::shared_ptr<const ChangedSince> since;
  std::map<std::uint32_t, std::shared_ptr<const Content>> older;  // by bound
  std::shared_ptr<const Content> expected;
  std::map<std::string, std::uint32_t> touched;
  std::uint32_t emptied = 0;
  bool one_entry_a_unit = false;
  std::size_t next_segment = 0;

  Content put;
  std::set<std::string> taken;
  std::uint64_t last_hash = 0;
  bool in_order = true;
  bool once = true;
  std::size_t too_many = 0;  // that have not changed

  Changes() = default;
  Changes(Changes&&) = default;
  Changes& operator=(Changes&&) = default;

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    in_order = in_order && hash >= last_hash && hash == hash_of_encoded(key);
    last_hash = hash;
    once = put.emplace(key, value).second && once;
    too_many += touched.at(std::string{key}) <= since->at(hash);
  }
  void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override { once = false; }
  void erased(std::uint64_t hash, std::string_view key) override {
    in_order = in_order && hash == hash_of_encoded(key) && since->at(hash) != ChangedSince::kAlways;
    taken.emplace(key);
  }

  bool read_on() {
    if (next_segment == view->segment_count()) {
      view->read_erased(*this);
      return false;
    }
    view->read_segment(next_segment++, *this);
    return true;
  }
  std::uint32_t finish() {
    view.reset();
    EXPECT_TRUE(in_order);
    EXPECT_TRUE(once);
    if (one_entry_a_unit) {
      EXPECT_EQ(too_many, 0u);
    }
    Content found;
    for (const auto& [from, content] : older) {
      if (from < emptied) continue;
      for (const auto& [key, value] : *content) {
        if (since->at(hash_of_encoded(key)) == from) found.emplace(key, value);
      }
    }
    for (const std::string& key : taken) found.erase(key);
    for (const auto& [key, value] : put) found[key] = value;
    EXPECT_TRUE(found == *expected);
    return bound;
  }
};

// Takes snapshots of what changed since older ones, of each stripe since another one.
template <class K, class V>
class Historian {
 public:
  explicit Historian(Writer<K, V>& writer) : writer_{writer} { writer.domain().remember_changes(); }

  Changes trigger() {
    Changes changes;
    changes.bound = writer_.domain().begin();
    changes.view = writer_.table().view(changes.bound);
    changes.expected = std::make_shared<const Content>(writer_.content());
    changes.touched = writer_.touched();
    changes.emptied = writer_.emptied();
    changes.older = older_;
    changes.one_entry_a_unit = !std::is_same_v<StateTable<K, V>, LineTable<StoredKey<K>, V>>;
    known_ = changes.view->changes_known_since().value();
    changes.since = std::make_shared<const ChangedSince>(make_stripes());
    changes.view->show_changes(changes.since);
    older_[changes.bound] = changes.expected;
    forget_some();
    return changes;
  }

 private:
  std::vector<ChangedSince::Stripe> make_stripes() {
    Random& random = writer_.random();
    std::vector<ChangedSince::Stripe> stripes;
    std::uint64_t last = 0;
    for (std::uint64_t left = below(random, 4); left > 0; --left) {
      last += below(random, std::numeric_limits<std::uint64_t>::max() / 4);
      stripes.push_back({last, choose_since()});
    }
    stripes.push_back({std::numeric_limits<std::uint64_t>::max(), choose_since()});
    return stripes;
  }
  std::uint32_t choose_since() {
    Random& random = writer_.random();
    if (older_.empty() || below(random, 8) == 0) return ChangedSince::kAlways;
    const auto chosen = std::next(older_.begin(), static_cast<std::ptrdiff_t>(below(random, older_.size())));
    return chosen->first < known_ ? ChangedSince::kAlways : chosen->first;
  }
  void forget_some() {
    while (older_.size() > 6) older_.erase(older_.begin());
    writer_.domain().set_changes_needed_since(older_.begin()->first);
  }

  Writer<K, V>& writer_;
  std::map<std::uint32_t, std::shared_ptr<const Content>> older_;
  std::uint32_t known_ = 0;
};

template <class Pair>
class ChangesStress : public testing::Test {};
TYPED_TEST_SUITE(ChangesStress, Pairs);

TYPED_TEST(ChangesStress, ChangesReadBetweenWritesGiveTheirTrigger) {
  Writer<typename TypeParam::Key, typename TypeParam::Value> writer{1};
  Historian historian{writer};
  read_between_writes<Changes>(writer, [&] { return historian.trigger(); });
}

TYPED_TEST(ChangesStress, ChangesReadByThreadsGiveTheirTrigger) {
  Writer<typename TypeParam::Key, typename TypeParam::Value> writer{42};
  Historian historian{writer};
  read_by_threads<Changes>(writer, [&] { return historian.trigger(); });
}

TEST(ErasedKeys, TooManyAreForgottenAndSaidSo) {
  CowDomain domain;
  domain.remember_changes();
  ErasedKeys keys{domain};
  domain.end(domain.begin());
  const std::size_t owned = domain.owned_bytes();
  for (int i = 0; i < 1500; ++i) keys.add("key", 4000);
  EXPECT_EQ(keys.known_since(), 0u);
  EXPECT_GT(domain.owned_bytes(), owned);
  for (int i = 0; i < 1500; ++i) keys.add("key", 100);
  EXPECT_EQ(keys.known_since(), domain.epoch());
  EXPECT_TRUE(keys.share().empty());
  EXPECT_EQ(domain.owned_bytes(), owned);
}

TEST(ErasedKeys, ThoseOfEpochsThatNobodyNeedsAreDropped) {
  CowDomain domain;
  domain.remember_changes();
  ErasedKeys keys{domain};
  for (int epoch = 0; epoch < 5; ++epoch) {
    keys.add("key", 10);
    domain.set_changes_needed_since(domain.begin() - 1);
    domain.end(domain.epoch() - 1);
  }
  EXPECT_EQ(keys.share().size(), 2u);
  EXPECT_EQ(keys.known_since(), 3u);
}

}  // namespace
}  // namespace tidemark::detail
