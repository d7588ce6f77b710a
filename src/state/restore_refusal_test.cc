// Looks at files that a restore takes are refused, from each on in turn, for good or once: it ends in an error that names the
// file, changes nothing, and a second try gives what was saved.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "snapshot/checkpoint_store.h"
#include "snapshot/file_trouble_test.h"
#include "snapshot/snapshot_folder.h"
#include "state/keyed_subtask_test.h"
#include "state/memory_state_store.h"
#include "state/stored_subtask_test.h"

namespace tidemark::detail {
namespace {

class RestoreRefusal : public testing::Test {
 protected:
  void SetUp() override {
    value_or_throw(files_.make_directories(kFolder));
    value_or_throw(files_.make_directories(kSharedFolder));
  }

  /// `restore()` with each of its looks refused. Gives how many there are.
  template <class Saved>
  int refuse_each(const Saved& saved, const std::function<Saved()>& restore) {
    const auto before = everything_below("/checkpoints");
    for (int at = 0;; ++at) {
      bool reached = false;
      for (const Trouble how : {Trouble::kReadRefusal, Trouble::kReadsRefused}) {
        FileTrouble trouble{files_, how, 0};
        trouble.arm(at);
        try {
          EXPECT_TRUE(restore() == saved);
          // A block is read twice before it is given up.
          EXPECT_TRUE(!trouble.reached(at) || how == Trouble::kReadRefusal) << "passed over: " << trouble.met();
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kIo) << error.message();
          trouble.expect_named(error);
        }
        trouble.disarm();
        reached = trouble.reached(at);
        EXPECT_TRUE(everything_below("/checkpoints") == before) << trouble.met();
        EXPECT_TRUE(restore() == saved) << "the second try, after " << trouble.met();
      }
      if (!reached || HasFailure()) return at;
    }
  }

  std::unique_ptr<Subtask> subtask() {
    auto made = std::make_unique<Subtask>(env_, 0, 1);
    made->context().shared_folder = kSharedFolder;
    made->context().attempt = ++attempt_;
    return made;
  }
  /// Of one that has taken so many checkpoints, each but the first of what has changed.
  OperatorSnapshot checkpoints(Subtask& of, CheckpointId count) {
    of.restore({});
    OperatorSnapshot newest;
    for (CheckpointId id = 1; id <= count; ++id) {
      of.write_many(random_, id == 1 ? 5000 : 20, 2000);
      newest = run(*of.snapshot("visits-0", kFolder, CheckpointKind::kPeriodic, id));
      of.handle_mail();
      of.backend().checkpoint_completed(id);
    }
    EXPECT_GE(newest.keyed_files.size(), std::min<CheckpointId>(count, 2));
    return newest;
  }
  Content restored_at_once(const OperatorSnapshot& from) {
    const auto made = subtask();
    made->restore(absolute(from));
    return made->read();
  }
  Content restored_behind(const OperatorSnapshot& from, const Content& content) {
    const auto made = subtask();
    made->set_unit_bytes(2000);
    made->restore_behind(absolute(from), content);
    EXPECT_TRUE(made->backend().is_loading());
    for (std::int64_t key = 0; key < 2000; key += 200) made->ask_for(key);
    made->load_all();
    return made->read();
  }

  std::map<std::string, std::string> everything_below(const std::string& folder) {
    std::map<std::string, std::string> result;
    for (const DirectoryEntry& entry : value_or_throw(files_.list(folder))) {
      const std::string path = join_path(folder, entry.name);
      if (entry.is_directory) {
        result.merge(everything_below(path));
      } else {
        result.emplace(path, value_or_throw(read_file(files_, path)));
      }
    }
    return result;
  }

  MemoryFileSystem files_;
  SplitMixRandom random_{5};
  Env env_{.files = &files_};
  AttemptId attempt_ = 0;
};

TEST_F(RestoreRefusal, OfAWholeFile) {
  const auto before = subtask();
  const OperatorSnapshot saved = checkpoints(*before, 1);
  EXPECT_GT(refuse_each<Content>(before->content(), [&] { return restored_at_once(saved); }), 4);
}

TEST_F(RestoreRefusal, OfAChain) {
  const auto before = subtask();
  const OperatorSnapshot saved = checkpoints(*before, 4);
  EXPECT_GT(refuse_each<Content>(before->content(), [&] { return restored_at_once(saved); }), 16);
}

TEST_F(RestoreRefusal, OfAWholeFileThatIsReadBehind) {
  const auto before = subtask();
  const OperatorSnapshot saved = checkpoints(*before, 1);
  EXPECT_GT(refuse_each<Content>(before->content(), [&] { return restored_behind(saved, before->content()); }), 4);
}

TEST_F(RestoreRefusal, OfAChainThatIsReadBehind) {
  const auto before = subtask();
  const OperatorSnapshot saved = checkpoints(*before, 4);
  EXPECT_GT(refuse_each<Content>(before->content(), [&] { return restored_behind(saved, before->content()); }), 16);
}

TEST_F(RestoreRefusal, OfTheFilesOfAStore) {
  constexpr std::int64_t kKeys = 60;
  MemoryStateStores stores;
  stores.give_files(files_, "/stores");
  const auto env = [&](bool in_store) {
    Env env = env_;
    (in_store ? env.state_stores : env.other_stores) = &stores;
    return env;
  };
  OperatorSnapshot saved;
  StoredSubtask::Content content;
  {
    Env own = env(true);
    StoredSubtask subtask{own, ++attempt_, kSharedFolder};
    subtask.write(0, kKeys);
    subtask.leave(0);
    saved = subtask.checkpoint(files_, "/checkpoints", 1).operators.at(0).subtasks.at(0);
    subtask.add_to(content, kKeys);
  }
  for (const bool in_store : {true, false}) {
    SCOPED_TRACE(in_store);
    const auto restore = [&] {
      Env own = env(in_store);
      OperatorRestore from{.keyed_files = saved.keyed_files};
      from.stores = {saved.store};
      StoredSubtask::Content read;
      StoredSubtask{own, ++attempt_, {}, std::move(from)}.add_to(read, kKeys);
      return read;
    };
    EXPECT_GT(refuse_each<StoredSubtask::Content>(content, restore), 4);
  }
}

}  // namespace
}  // namespace tidemark::detail
