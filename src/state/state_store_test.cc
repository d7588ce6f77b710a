// What every store must do (state_store.h), for those of the engine.
#include "tidemark/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "env/env.h"
#include "env/posix_env.h"
#include "env/split_mix_random.h"
#include "state/memory_state_store.h"
#include "state/rocksdb_stores.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Map = std::map<std::string, std::string>;

std::string scratch_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = testing::TempDir() + "/tidemark-stores-" + test->test_suite_name() + "-" + test->name();
  for (char& c : name) {
    if (c == '/' && &c != name.data() && name.find("tidemark-stores") < static_cast<std::size_t>(&c - name.data())) c = '-';
  }
  return name;
}

class RocksdbTest : public testing::Test {
 protected:
  RocksdbTest() { value_or_throw(remove_tree(*env().files, folder_)); }
  ~RocksdbTest() override { static_cast<void>(remove_tree(*env().files, folder_)); }

  Env env() { return posix_.env(); }
  std::unique_ptr<RocksdbStores> make(std::uint64_t memory_bytes = 0) {
    return value_or_throw(RocksdbStores::create(env(), folder_, memory_bytes));
  }
  std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const auto& entry : value_or_throw(env().files->list(folder_))) result.push_back(entry.name);
    return result;
  }

  // As the database has written it down last; of its first state where each state has one.
  std::uint64_t option(const std::string& database, const std::string& name) {
    std::string newest;
    for (const auto& entry : value_or_throw(env().files->list(database))) {
      if (entry.name.starts_with("OPTIONS-")) newest = database + "/" + entry.name;
    }
    const std::string options = value_or_throw(read_file(*env().files, newest));
    const std::size_t at = options.find(" " + name + "=");
    return at == std::string::npos ? 0 : std::stoull(options.substr(at + name.size() + 2));
  }
  std::size_t count_files(const std::string& ending) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder_}) count += entry.path().string().ends_with(ending);
    return count;
  }

  PosixEnv posix_{1};
  const std::string folder_ = scratch_folder();
};

enum class Kind { kMemory, kRocksdb };

class StateStoreTest : public RocksdbTest, public testing::WithParamInterface<Kind> {
 protected:
  StateStoreTest() {
    if (GetParam() == Kind::kMemory) {
      auto stores = std::make_unique<MemoryStateStores>();
      stores->give_files(*env().files, folder_ + "/memory");
      stores_ = std::move(stores);
    } else {
      stores_ = make();
    }
  }

  std::unique_ptr<StateStore> open(std::string name = "counts-0-1", std::size_t states = 2) {
    return stores_->open(options(std::move(name), states));
  }
  static StateStoreOptions options(std::string name, std::size_t states = 2) {
    StateStoreOptions options{.name = std::move(name), .states = {}};
    for (std::size_t i = 0; i < states; ++i) options.states.push_back({"a state: " + std::to_string(i), nullptr});
    return options;
  }

  /// Name and content of what a store gave: what a checkpoint keeps of it.
  Map save(StateStore& store) {
    Map saved;
    const auto given = store.files();
    for (const StateStoreFile& file : given->files()) {
      EXPECT_TRUE(saved.emplace(file.name, value_or_throw(read_file(*env().files, file.path, 1u << 30))).second);
    }
    return saved;
  }
  std::unique_ptr<StateStore> open_with(const std::string& name, const Map& content) {
    StateStoreOptions::Saved saved;
    for (const auto& [file, bytes] : content) saved.names.push_back(file);
    saved.fetch = [&](const std::string& file, const std::string& path) {
      value_or_throw(replace_file(*env().files, path, content.at(file)));
      return "/checkpoint/" + file;
    };
    saved.copy = saved.fetch;
    StateStoreOptions with = options(name);
    with.saved = &saved;
    return stores_->open(with);
  }
  static Map get(StateStore& store, std::uint32_t state, const std::set<std::string>& keys) {
    const std::vector<std::string_view> views{keys.begin(), keys.end()};
    Map found;
    store.get(state, views, [&](std::size_t i, std::string_view value) { found.emplace(views[i], value); });
    return found;
  }
  static Map read(StateStoreSnapshot& snapshot, std::uint32_t state) {
    Map all;
    std::string last;
    for (const auto entries = snapshot.entries(state); entries->next();) {
      EXPECT_TRUE(all.empty() || last < entries->key());
      last = entries->key();
      all.emplace(entries->key(), entries->value());
    }
    return all;
  }
  static Map read(StateStore& store, std::uint32_t state) { return read(*store.snapshot(), state); }

  std::unique_ptr<StateStores> stores_;
};

TEST_P(StateStoreTest, BeginsEmpty) {
  const auto store = open();
  EXPECT_THAT(get(*store, 0, {"a", "b"}), IsEmpty());
  EXPECT_THAT(read(*store, 1), IsEmpty());
}

TEST_P(StateStoreTest, FindsWhatWasWrittenAndNothingElse) {
  const auto store = open();
  StateChanges changes;
  changes.put(0, "b", "2");
  changes.put(0, std::string_view{"\0x", 2}, std::string_view{"\0", 1});
  changes.put(0, "empty", "");
  store->write(changes);
  EXPECT_EQ(get(*store, 0, {"a", "b", "c", "empty", std::string{"\0x", 2}}),
            (Map{{"b", "2"}, {"empty", ""}, {std::string{"\0x", 2}, std::string{"\0", 1}}}));
  EXPECT_THAT(get(*store, 1, {"b"}), IsEmpty());
}

TEST_P(StateStoreTest, ChangesOfOneKeyAreMadeInTheirOrder) {
  const auto store = open();
  StateChanges changes;
  changes.put(0, "a", "1");
  changes.erase(0, "a");
  changes.erase(0, "b");
  changes.put(0, "b", "2");
  store->write(changes);
  changes.clear();
  changes.put(0, "b", "3");
  changes.erase(1, "b");
  store->write(changes);
  EXPECT_EQ(read(*store, 0), (Map{{"b", "3"}}));
}

TEST_P(StateStoreTest, ASnapshotIsOfItsMoment) {
  const auto store = open();
  StateChanges changes;
  changes.put(0, "a", "1");
  changes.put(0, "b", "1");
  changes.put(1, "a", "other");
  store->write(changes);
  const auto first = store->snapshot();
  changes.clear();
  changes.put(0, "a", "2");
  changes.erase(0, "b");
  changes.put(0, "c", "2");
  store->write(changes);
  const auto second = store->snapshot();
  changes.clear();
  changes.erase(0, "a");
  store->write(changes);
  EXPECT_EQ(read(*first, 0), (Map{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(read(*first, 1), (Map{{"a", "other"}}));
  EXPECT_EQ(read(*second, 0), (Map{{"a", "2"}, {"c", "2"}}));
  EXPECT_EQ(read(*store, 0), (Map{{"c", "2"}}));
}

TEST_P(StateStoreTest, WhatIsLoadedTakesThePlaceOfWhatWasThere) {
  const auto store = open();
  for (const std::string value : {"1", "2"}) {
    const auto loader = store->load(0);
    for (int i = 0; i < 5000; ++i) {
      if (value == "1" || i % 2 == 0) loader->add(std::to_string(10000 + i), value);
    }
    loader->finish();
  }
  store->load(1)->finish();
  const Map all = read(*store, 0);
  EXPECT_EQ(all.size(), 5000u);
  EXPECT_EQ(all.at("10000"), "2");
  EXPECT_EQ(all.at("10001"), "1");
  StateChanges changes;
  changes.put(0, "10001", "3");
  store->write(changes);
  EXPECT_EQ(get(*store, 0, {"10000", "10001"}), (Map{{"10000", "2"}, {"10001", "3"}}));
}

TEST_P(StateStoreTest, StoresOfOneProcessKnowNothingOfEachOther) {
  const auto a = open("counts-0-1");
  const auto b = open("counts-1-1");
  StateChanges changes;
  changes.put(0, "a", "1");
  a->write(changes);
  EXPECT_THAT(read(*b, 0), IsEmpty());
}

TEST_P(StateStoreTest, EqualsAModelThroughAnyChangesWhileSnapshotsAreRead) {
  const auto store = open();
  SplitMixRandom random{7};
  Map model;
  std::vector<std::thread> readers;
  std::vector<Map> read_back(8);
  std::vector<Map> expected(8);
  for (std::size_t round = 0; round < 8; ++round) {
    StateChanges changes;
    for (int i = 0; i < 2000; ++i) {
      const std::string key = std::to_string(random.next() % 3000);
      if (random.next() % 4 == 0) {
        changes.erase(1, key);
        model.erase(key);
      } else {
        const std::string value(random.next() % 50, static_cast<char>('a' + round));
        changes.put(1, key, value);
        model[key] = value;
      }
    }
    store->write(changes);
    expected[round] = model;
    readers.emplace_back([snapshot = store->snapshot(), &to = read_back[round]]() mutable {
      to = read(*snapshot, 1);
      snapshot.reset();
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(read_back, expected);
}

TEST_P(StateStoreTest, EntriesFromAKeyOnAreThoseThatAreNotLess) {
  const auto store = open();
  StateChanges changes;
  for (const char* key : {"a", "bb", "bc", "d"}) changes.put(1, key, "1");
  store->write(changes);
  const auto snapshot = store->snapshot();
  for (const std::string from : {"", "a", "b", "bb", "bbb", "d", "e"}) {
    std::vector<std::string> keys;
    for (const auto entries = snapshot->entries_from(1, from); entries->next();) keys.emplace_back(entries->key());
    std::vector<std::string> expected{"a", "bb", "bc", "d"};
    std::erase_if(expected, [&](const std::string& key) { return key < from; });
    EXPECT_EQ(keys, expected) << from;
  }
}

TEST_P(StateStoreTest, AStoreBeginsWithWhatTheFilesOfAnotherHold) {
  EXPECT_FALSE(stores_->files_format().empty());
  Map saved;
  Map empty;
  {
    const auto store = open("first");
    empty = save(*store);
    StateChanges changes;
    for (int i = 0; i < 3000; ++i) changes.put(static_cast<std::uint32_t>(i % 2), std::to_string(i), "1");
    store->write(changes);
    changes.clear();
    changes.erase(0, "0");
    changes.put(0, "2", "2");
    store->write(changes);
    saved = save(*store);
    changes.clear();
    changes.put(0, "late", "1");
    store->write(changes);
  }
  const auto store = open_with("second", saved);
  const Map all = read(*store, 0);
  EXPECT_EQ(all.size(), 1499u);
  EXPECT_EQ(all.at("2"), "2");
  EXPECT_FALSE(all.contains("late"));
  EXPECT_EQ(read(*store, 1).size(), 1500u);
  EXPECT_EQ(get(*store, 0, {"0", "2", "4"}), (Map{{"2", "2"}, {"4", "1"}}));
  const auto of_nothing = open_with("third", empty);
  EXPECT_THAT(read(*of_nothing, 0), IsEmpty());
}

// Over changes, merges, and stores that begin with what others gave.
TEST_P(StateStoreTest, AFilesNameMeansOneContentForGood) {
  SplitMixRandom random{3};
  Map model;
  Map ever;
  Map newest;
  std::unique_ptr<StateStore> store = open("0");
  std::set<std::string> gone;
  for (int round = 1; round <= 24; ++round) {
    StateChanges changes;
    for (int i = 0; i < 400; ++i) {
      const std::string key = std::to_string(random.next() % 600);
      if (random.next() % 4 == 0) {
        changes.erase(0, key);
        model.erase(key);
      } else {
        changes.put(0, key, std::to_string(round));
        model[key] = std::to_string(round);
      }
    }
    store->write(changes);
    const Map before = std::exchange(newest, save(*store));
    for (const auto& [name, content] : before) {
      if (!newest.contains(name)) gone.insert(name);
    }
    for (const auto& [name, content] : newest) {
      EXPECT_FALSE(gone.contains(name)) << name << " has come back";
      EXPECT_EQ(ever.emplace(name, content).first->second, content) << name;
    }
    if (round % 6 == 0) {
      store.reset();
      store = open_with(std::to_string(round), newest);
      ASSERT_EQ(read(*store, 0), model);
    }
  }
}

TEST_P(StateStoreTest, GivesItsFilesWhileKeysAreLookedUp) {
  const auto store = open();
  StateChanges changes;
  for (int i = 0; i < 2000; ++i) changes.put(0, std::to_string(i), std::to_string(i));
  store->write(changes);
  Map saved;
  std::thread giver{[&] { saved = save(*store); }};
  for (int i = 0; i < 200; ++i) EXPECT_EQ(get(*store, 0, {std::to_string(i)}), (Map{{std::to_string(i), std::to_string(i)}}));
  giver.join();
  EXPECT_EQ(read(*open_with("second", saved), 0).size(), 2000u);
}

TEST_P(StateStoreTest, FilesLastAsLongAsTheyAreHeldAndNoLonger) {
  auto store = open();
  StateChanges changes;
  std::vector<std::unique_ptr<StateStoreFiles>> held;
  for (int round = 0; round < 10; ++round) {
    changes.clear();
    for (int i = 0; i < 100; ++i) changes.put(0, std::to_string(i), std::to_string(round));
    store->write(changes);
    held.push_back(store->files());
  }
  for (const auto& given : held) {
    for (const StateStoreFile& file : given->files()) EXPECT_TRUE(env().files->stat(file.path)) << file.path;
  }
  const std::string path = held[0]->files()[0].path;
  held.clear();
  store.reset();
  EXPECT_FALSE(env().files->stat(path)) << path;
}

TEST_P(StateStoreTest, AFileThatCannotBeFetchedOrIsDamagedIsAnErrorAndLeavesNothing) {
  Map saved;
  {
    const auto store = open("first");
    StateChanges changes;
    for (int i = 0; i < 300; ++i) changes.put(0, std::to_string(i), "1");
    store->write(changes);
    saved = save(*store);
  }
  StateStoreOptions with = options("second");
  StateStoreOptions::Saved missing;
  for (const auto& [name, content] : saved) missing.names.push_back(name);
  missing.fetch = [](const std::string& name, const std::string&) -> std::string {
    throw Error{ErrorCode::kDataLoss, name + " is gone"};
  };
  missing.copy = missing.fetch;
  with.saved = &missing;
  EXPECT_THROW(stores_->open(with), Error);
  for (const auto& [name, content] : saved) {
    Map damaged = saved;
    damaged[name] = content.substr(0, content.size() / 2);
    try {
      const auto store = open_with("third", damaged);
      EXPECT_EQ(read(*store, 0).size(), 300u);
      ADD_FAILURE() << "half of " << name << " was enough";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDataLoss) << error.message();
    }
  }
  EXPECT_EQ(read(*open_with("fourth", saved), 0).size(), 300u);
}

INSTANTIATE_TEST_SUITE_P(Each, StateStoreTest, testing::Values(Kind::kMemory, Kind::kRocksdb),
                         [](const auto& kind) { return kind.param == Kind::kMemory ? "memory" : "rocksdb"; });

TEST(MemoryStateStores, AnOperationThatItsHookRefusesHasNoEffect) {
  MemoryStateStores stores;
  bool refuses = false;
  stores.set_hook([&](StoreOperation, const std::string& store) -> std::optional<Error> {
    return refuses ? std::optional{Error{ErrorCode::kIo, store + " is gone"}} : std::nullopt;
  });
  const auto store = stores.open({.name = "x", .states = {{"s", nullptr}}});
  StateChanges changes;
  changes.put(0, "a", "1");
  refuses = true;
  EXPECT_THROW(store->write(changes), Error);
  EXPECT_THROW(store->snapshot(), Error);
  refuses = false;
  EXPECT_FALSE(store->snapshot()->entries(0)->next());
}

TEST_F(RocksdbTest, LeavesNothingBehind) {
  auto stores = make();
  auto store = stores->open({.name = "x", .states = {{"s", nullptr}}});
  EXPECT_EQ(names().size(), 2u);
  store.reset();
  EXPECT_THAT(value_or_throw(env().files->list(stores->folder())), IsEmpty());
  stores.reset();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(RocksdbTest, ProcessesShareNoFolderAndDoNotTouchThoseOfTheLiving) {
  const auto a = make();
  const auto store = a->open({.name = "x", .states = {{"s", nullptr}}});
  {
    const auto b = make();
    EXPECT_NE(a->folder(), b->folder());
  }
  EXPECT_EQ(names().size(), 2u);
  StateChanges changes;
  changes.put(0, "a", "1");
  store->write(changes);
}

// The clock of a process that starts later.
class LaterClock final : public Clock {
 public:
  explicit LaterClock(const Clock& clock) : clock_{clock} {}
  std::int64_t wall_ms() const override { return clock_.wall_ms() + 3'600'000; }
  std::int64_t steady_ns() const override { return clock_.steady_ns(); }

 private:
  const Clock& clock_;
};

TEST_F(RocksdbTest, RemovesWhatDeadProcessesLeftAndNothingElse) {
  FileSystem& files = *env().files;
  value_or_throw(files.make_directories(folder_ + "/tidemark-0000000000000001/x-0-1"));
  value_or_throw(replace_file(files, folder_ + "/tidemark-0000000000000001/x-0-1/000012.sst", "sst"));
  value_or_throw(replace_file(files, folder_ + "/tidemark-0000000000000001.lock", ""));
  value_or_throw(replace_file(files, folder_ + "/notes.lock", ""));
  value_or_throw(files.make_directories(folder_ + "/tidemark-notes"));
  const auto living = make();
  const LaterClock later{*env().clock};
  Env world = env();
  world.clock = const_cast<LaterClock*>(&later);
  const auto stores = value_or_throw(RocksdbStores::create(world, folder_, 0));
  const std::vector<std::string> left = names();
  EXPECT_EQ(left.size(), 6u);  // two processes, and what is not theirs
  EXPECT_THAT(left, testing::Not(testing::Contains(HasSubstr("0000000000000001"))));
  EXPECT_THAT(left, testing::Contains("notes.lock"));
  EXPECT_THAT(left, testing::Contains("tidemark-notes"));
}

// Others' locks, and links by which a process would write into or remove what lies elsewhere.
TEST_F(RocksdbTest, LeavesAloneWhatItCannotHaveMade) {
  FileSystem& files = *env().files;
  const std::string outside = folder_ + "-outside";
  value_or_throw(remove_tree(files, outside));
  value_or_throw(files.make_directories(outside));
  value_or_throw(replace_file(files, outside + "/file", "content"));
  for (const std::string name : {"tidemark-deploy", "tidemark-000000000000000A", "tidemark-00000000000000001"}) {
    value_or_throw(files.make_directories(folder_ + "/" + name));
    value_or_throw(replace_file(files, folder_ + "/" + name + ".lock", ""));
  }
  ASSERT_EQ(::symlink(outside.c_str(), (folder_ + "/tidemark-0000000000000001").c_str()), 0);
  value_or_throw(replace_file(files, folder_ + "/tidemark-0000000000000001.lock", ""));
  ASSERT_EQ(::symlink((outside + "/file").c_str(), (folder_ + "/tidemark-0000000000000002.lock").c_str()), 0);
  value_or_throw(files.make_directories(folder_ + "/tidemark-0000000000000002"));
  value_or_throw(replace_file(files, folder_ + "/tidemark-0000000000000003.lock", ""));
  const std::vector<std::string> before = names();
  const LaterClock later{*env().clock};
  Env world = env();
  world.clock = const_cast<LaterClock*>(&later);
  value_or_throw(RocksdbStores::create(world, folder_, 0)).reset();
  std::vector<std::string> expected = before;
  std::erase(expected, "tidemark-0000000000000003.lock");  // of a process that was killed before it made its folder
  EXPECT_EQ(names(), expected);
  EXPECT_EQ(value_or_throw(read_file(files, outside + "/file")), "content");
  value_or_throw(remove_tree(files, outside));
}

TEST_F(RocksdbTest, OnlyItsUserMayReadAProcesssFolder) {
  const auto stores = make();
  struct stat info;
  ASSERT_EQ(::stat(stores->folder().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0700u);
}

TEST_F(RocksdbTest, OpensAsManyFilesAsItMayAndSharesThemByTheDatabases) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{std::min<rlim_t>(256, before.rlim_max), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto stores = make();
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
  std::vector<std::unique_ptr<StateStore>> opened;
  for (int i = 0; i < 20; ++i) {
    opened.push_back(stores->open({.name = std::to_string(i), .states = {{"s", nullptr}}}));
    if (i != 0 && i != 7 && i != 19) continue;
    std::uint64_t sum = 0;
    for (int j = 0; j <= i; ++j) sum += option(stores->folder() + "/" + std::to_string(j), "max_open_files");
    EXPECT_GE(sum, 64u * static_cast<std::uint64_t>(i + 1));
    EXPECT_LE(sum, std::max<std::uint64_t>(std::min<std::uint64_t>(4096, limit.rlim_max / 4), 64u * static_cast<std::uint64_t>(i + 1)));
  }
  opened.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

// A memtable that is as good as empty takes little of the budget of all: else each write would have one of them flushed.
TEST_F(RocksdbTest, ManyStatesWithLittleInThemAreNotFlushed) {
  const auto stores = make();
  StateStoreOptions options{.name = "x", .states = {}};
  for (int i = 0; i < 60; ++i) options.states.push_back({"s", nullptr});
  const auto store = stores->open(options);
  for (int round = 0; round < 8; ++round) {
    StateChanges changes;
    for (std::uint32_t state = 0; state < 60; ++state) changes.put(state, std::to_string(round), "1");
    store->write(changes);
  }
  EXPECT_EQ(count_files(".sst"), 0u);
}

TEST_F(RocksdbTest, AFolderThatCannotBeMadeIsNamed) {
  value_or_throw(env().files->make_directories(folder_));
  value_or_throw(replace_file(*env().files, folder_ + "/file", ""));
  const auto stores = RocksdbStores::create(env(), folder_ + "/file/below", 0);
  ASSERT_FALSE(stores);
  EXPECT_THAT(stores.error().message(), HasSubstr("state.backend.rocksdb.localdir"));
  EXPECT_THAT(stores.error().message(), HasSubstr(folder_ + "/file"));
}

TEST_F(RocksdbTest, ExpiredEntriesGoWithTime) {
  const auto stores = make();
  const auto store = stores->open({.name = "x", .states = {{"s", [](std::string_view value) { return value.starts_with("old"); }}}});
  std::size_t written = 0;  // of each kind
  std::size_t expired = 0;
  std::size_t living = 0;
  // They go when files are compacted, which happens beside the writes: in time, not at once.
  constexpr int kRounds = 10;
  StateChanges changes;
  for (int turn = 0; turn < 40 && expired == written; ++turn) {
    for (int round = 0; round < kRounds; ++round) {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = std::to_string((turn * kRounds + round) * 2000 + i * 31 % 2000);
        changes.put(0, key, (i % 2 == 0 ? "old" : "new") + std::string(200, static_cast<char>('a' + i % 26)));
      }
      store->write(changes);
      changes.clear();
      written += 1000;
    }
    expired = living = 0;
    const auto snapshot = store->snapshot();
    for (const auto entries = snapshot->entries(0); entries->next();) {
      ++(entries->value().starts_with("old") ? expired : living);
    }
  }
  EXPECT_EQ(living, written);
  EXPECT_LT(expired, written);
}

// A limit on the size of files stands for a disk that takes no more.
TEST_F(RocksdbTest, ADiskThatTakesNoMoreFailsTheTaskAndIsNamed) {
  const auto stores = make();
  const auto store = stores->open({.name = "full", .states = {{"s", nullptr}}});
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{64 << 10, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    SplitMixRandom random{1};
    StateChanges changes;
    for (int round = 0; round < 400 && message.empty(); ++round) {
      changes.clear();
      for (int i = 0; i < 1000; ++i) changes.put(0, std::to_string(random.next()), std::to_string(random.next()) + std::to_string(random.next()));
      store->write(changes);
    }
  } catch (const Error& error) {
    message = error.message();
    EXPECT_EQ(error.retry(), Retry::kRestart);
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, before);
  EXPECT_THAT(message, HasSubstr(stores->folder() + "/full"));
  EXPECT_THAT(message, HasSubstr("state.backend.rocksdb.localdir"));
}

}  // namespace
}  // namespace tidemark
