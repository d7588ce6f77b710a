// The side outputs that a function has declared, by name. Owned by its operator, next to the main output that they follow.
//
// A plan reads their names and types off an operator that was made for it; a job that is wired finds them by name. One thread.
#pragma once

#include <any>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/error.h"
#include "tidemark/out.h"

namespace tidemark::detail {

/// Finds an output of an operator: its main one, or a side output.
template <class T>
using FindOutput = std::function<Out<T>&(Operator&)>;

class SideOutputs {
 public:
  struct Entry {
    std::string name;
    OutputBase* output;
    std::any find;  ///< a FindOutput<T>
  };

  explicit SideOutputs(OutputBase& main) : main_{main} {}
  SideOutputs(const SideOutputs&) = delete;
  SideOutputs& operator=(const SideOutputs&) = delete;

  /// `out` lives as long as the operator. Throws Error for a name that is empty or taken.
  template <class T>
  void add(std::string_view name, Out<T>& out) {
    if (name.empty()) throw Error{ErrorCode::kInvalidArgument, "a side output needs a name: side_output<T>(\"name\") asks for it"};
    for (const Entry& entry : entries_) {
      if (entry.name == name) throw Error{ErrorCode::kInvalidArgument, "the function has two side outputs '" + std::string{name} + "'"};
    }
    main_.take_along(out);
    entries_.push_back({std::string{name}, &out, FindOutput<T>{[name = std::string{name}](Operator& op) -> Out<T>& {
                          return static_cast<Out<T>&>(op.side_outputs()->named(name));
                        }}});
  }

  const std::vector<Entry>& entries() const { return entries_; }
  const OutputBase& main() const { return main_; }

 private:
  OutputBase& named(std::string_view name) {
    for (const Entry& entry : entries_) {
      if (entry.name == name) return *entry.output;
    }
    TIDEMARK_CHECK(false, "an operator has the side outputs of its plan");
  }

  OutputBase& main_;
  std::vector<Entry> entries_;
};

}  // namespace tidemark::detail
