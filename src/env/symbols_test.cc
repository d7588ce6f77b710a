#include "env/symbols.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace tidemark {

/// With a name that can be looked for.
[[gnu::noinline]] int a_function_with_a_name(int x) { return x + std::rand(); }

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(SymbolsTest, FunctionsOfTheProgramAndOfItsLibrariesHaveTheirNames) {
  Symbols symbols;
  const auto own = reinterpret_cast<std::uintptr_t>(&a_function_with_a_name);
  EXPECT_THAT(symbols.describe(own + 1), AllOf(StartsWith("tidemark::a_function_with_a_name(int) (env_test+0x")));
  EXPECT_THAT(symbols.describe(reinterpret_cast<std::uintptr_t>(&std::atexit)), HasSubstr("atexit"));
}

TEST(SymbolsTest, WhatNobodyKnowsIsAnAddress) {
  Symbols symbols;
  EXPECT_EQ(symbols.describe(0x10), "? (0x10)");
  const int on_the_stack = 0;
  EXPECT_THAT(symbols.describe(reinterpret_cast<std::uintptr_t>(&on_the_stack)), StartsWith("? (0x"));
}

}  // namespace
}  // namespace tidemark
