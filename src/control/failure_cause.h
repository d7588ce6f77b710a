// Why something failed, as Flink's clients read it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

/// In base64 an object of Flink's class SerializedThrowable that says `why`, as Java serializes one. Without it a Java client can't read an answer, and asks
/// for it until its patience ends. What is no UTF-8 becomes '?'.
std::string serialized_throwable(std::string_view why);

/// `Json`: nlohmann's, which no header includes.
template <class Json>
Json failure_cause(std::string_view why) {
  return {{"class", "tidemark.Error"}, {"stack-trace", std::string{why}}, {"serialized-throwable", serialized_throwable(why)}};
}

}  // namespace tidemark
