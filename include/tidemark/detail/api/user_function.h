// What process() checks of a user's class before it makes operators of it, so that the compiler's first line says what to do.
// Compile time only, but for the maker.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidemark/co_process.h"
#include "tidemark/process.h"
#include "tidemark/window_process.h"

namespace tidemark::detail {

template <class F>
concept KeyedProcessClass =
    requires { typename F::Key; typename F::Input; typename F::Output; } &&
    std::is_base_of_v<KeyedProcess<typename F::Key, typename F::Input, typename F::Output>, F>;

template <class F>
concept ProcessClass = requires { typename F::Input; typename F::Output; } && std::is_base_of_v<Process<typename F::Input, typename F::Output>, F>;

template <class F>
concept WindowProcessClass =
    requires { typename F::Key; typename F::Input; typename F::Output; typename F::WindowState; } &&
    std::is_base_of_v<WindowProcess<typename F::Key, typename F::Input, typename F::Output, typename F::WindowState>, F>;

template <class F>
concept KeyedCoProcessClass =
    requires { typename F::Key; typename F::Input; typename F::Second; typename F::Output; } &&
    std::is_base_of_v<KeyedCoProcess<typename F::Key, typename F::Input, typename F::Second, typename F::Output>, F>;

template <class F>
concept CoProcessClass =
    requires { typename F::Input; typename F::Second; typename F::Output; } &&
    std::is_base_of_v<CoProcess<typename F::Input, typename F::Second, typename F::Output>, F>;

/// A class of either sort that wants rules.
template <class F>
concept WithBroadcast = requires { typename F::Broadcast; };

/// A callable that every subtask gets a copy of.
template <class F>
concept Copied = std::copy_constructible<F>;

/// In place of a key function, where there is none.
struct NoKey {};

/// Makes the function of a subtask from copies of `args`.
template <class F, class... Args>
std::function<std::unique_ptr<F>(Declare&)> maker_of(Args... args) {
  static_assert((std::copy_constructible<Args> && ...), "the arguments of process() are copied to each subtask: give it what can be copied");
  static_assert(std::constructible_from<F, Declare&, const Args&...>,
                "the function's constructor takes a Declare& and then the arguments of process(), which are copied to each subtask");
  return [copies = std::make_tuple(std::move(args)...)](Declare& declare) {
    return std::apply([&](const Args&... each) { return std::make_unique<F>(declare, each...); }, copies);
  };
}

}  // namespace tidemark::detail
