// What a join keeps of which one stream has at most one record a key: that record, and of the others those that wait for it.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "operators/operator_harness.h"
#include "tidemark/detail/operators/keyed_co_process.h"
#include "tidemark/detail/operators/unique_join.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kKeys = 100;
constexpr int kOthersOfKey = 200;
constexpr std::uint64_t kOthersBytes = kKeys * kOthersOfKey * sizeof(std::int64_t) * 2;

struct One {
  std::int64_t key = 0;
};
struct Other {
  std::int64_t key = 0;
  std::int64_t n = 0;
};

template <JoinKind kKind, class F>
class KeptByUniqueJoin {
  using Join = UniqueJoin<kKind, Cardinality::kOneToMany, std::int64_t, One, Other, F, NoTtl>;
  using Op = KeyedCoProcessOperator<Join, std::int64_t One::*, std::int64_t Other::*>;

 public:
  explicit KeptByUniqueJoin(F f)
      : op_{std::make_unique<Op>([f](Declare& declare) { return std::make_unique<Join>(declare, f, NoTtl{}); }, &One::key,
                                 &Other::key)} {
    world_.env.state_memory = &memory_;
    op_->open(context_.context);
    kept_bytes();  // the first block of the operator's takes a page for all
  }
  ~KeptByUniqueJoin() {
    op_.reset();
    context_.run_mail();
  }

  void one_for_each_key() {
    TypedBatch<One> batch;
    for (std::int64_t key = 0; key < kKeys; ++key) batch.append({key}, 0);
    receive(0, batch);
  }
  void others_for_each_key() {
    for (int i = 0; i < kOthersOfKey; ++i) {
      TypedBatch<Other> batch;
      for (std::int64_t key = 0; key < kKeys; ++key) batch.append({key, i}, 0);
      receive(1, batch);
    }
  }
  std::uint64_t kept_bytes() {
    TypedBatch<Other> one_more;  // a batch tells what those before it have added
    one_more.append({kKeys, 0}, 0);
    receive(1, one_more);
    return memory_.held_bytes();
  }

 private:
  template <class T>
  void receive(std::uint32_t stream, TypedBatch<T>& batch) {
    hash_keys(batch, [](const T& record) { return record.key; });
    op_->input(stream).receive(batch);
  }

  StateMemory memory_{std::uint64_t{1} << 40};
  TestWorld world_;
  TestContext context_{world_};
  std::unique_ptr<Op> op_;
};

const auto kPair = [](const One&, const Other& other) { return other; };
using Inner = KeptByUniqueJoin<JoinKind::kInner, decltype(kPair)>;

TEST(UniqueJoin, KeepsNoneOfTheOthersOnceTheOneHasCome) {
  Inner join{kPair};
  join.one_for_each_key();
  const std::uint64_t before = join.kept_bytes();
  join.others_for_each_key();
  EXPECT_LT(join.kept_bytes(), before + kOthersBytes / 100);
}

TEST(UniqueJoin, LetsThoseGoThatHaveWaitedForIt) {
  Inner join{kPair};
  const std::uint64_t before = join.kept_bytes();
  join.others_for_each_key();
  EXPECT_GT(join.kept_bytes(), before + kOthersBytes);
  join.one_for_each_key();
  EXPECT_LT(join.kept_bytes(), before + kOthersBytes / 10);
}

TEST(UniqueJoin, KeepsOneOfThoseThatWaitWhereItAsksOnlyWhetherThereAreAny) {
  KeptByUniqueJoin<JoinKind::kSemi, NoCallable> join{{}};
  const std::uint64_t before = join.kept_bytes();
  join.others_for_each_key();
  EXPECT_LT(join.kept_bytes(), before + kOthersBytes / 10);
}

}  // namespace
}  // namespace tidemark::detail
