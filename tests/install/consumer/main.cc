// A program of a user who has nothing but the installed package.
#include <tidemark/error.h>

#include <cstdio>

int main() {
  const tidemark::Error error{tidemark::ErrorCode::kNotFound, "nothing here"};
  std::printf("%s\n", error.within("consumer").what());
  return error.code() == tidemark::ErrorCode::kNotFound ? 0 : 1;
}
