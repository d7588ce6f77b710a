#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace tidemark {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class UpperCaseLevel final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view name = message.level == spdlog::level::debug  ? "DEBUG"
                                  : message.level == spdlog::level::info ? "INFO"
                                  : message.level == spdlog::level::warn ? "WARN"
                                                                         : "ERROR";
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<UpperCaseLevel>(); }
};

constexpr std::size_t kKeptBytes = 256u << 10;

class SwitchingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  SwitchingSink() {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc, "");
    formatter->add_flag<UpperCaseLevel>('*').set_pattern("%Y-%m-%d %H:%M:%S.%e %* %v");
    base_sink::set_formatter_(std::move(formatter));
  }

  void set(LogSink sink) {
    const std::lock_guard lock{base_sink::mutex_};
    sink_ = std::move(sink);
  }
  std::string kept() {
    const std::lock_guard lock{base_sink::mutex_};
    std::string text;
    for (const std::string& line : kept_) text += line;
    return text;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    base_sink::formatter_->format(message, line);
    keep({line.data(), line.size()});
    if (sink_) {
      sink_({line.data(), line.size()});
      return;
    }
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override {}

 private:
  void keep(std::string_view line) {
    kept_.push_back(std::string{line} + '\n');
    kept_bytes_ += kept_.back().size();
    while (kept_bytes_ > kKeptBytes && kept_.size() > 1) {
      kept_bytes_ -= kept_.front().size();
      kept_.pop_front();
    }
  }

  // Guarded by mutex_.
  LogSink sink_;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
};

thread_local std::string_view origin_of_thread;

// Never destroyed, as the log.
struct ProcessOrigin {
  std::mutex mutex;
  std::string name;  // guarded by mutex
};
ProcessOrigin& origin_of_process() {
  static ProcessOrigin& instance = *new ProcessOrigin;
  return instance;
}

std::string origin() {
  if (!origin_of_thread.empty()) return std::string{origin_of_thread};
  ProcessOrigin& process = origin_of_process();
  const std::lock_guard lock{process.mutex};
  return process.name;
}

struct Log {
  std::shared_ptr<SwitchingSink> sink = std::make_shared<SwitchingSink>();
  spdlog::logger logger{"tidemark", sink};
};

// Never destroyed: threads may log while the process ends.
Log& the_log() {
  static Log& instance = *new Log;
  return instance;
}

}  // namespace

void set_log_level(LogLevel level) noexcept { the_log().logger.set_level(to_spdlog(level)); }

bool log_enabled(LogLevel level) noexcept { return the_log().logger.should_log(to_spdlog(level)); }

void log(LogLevel level, std::string_view message) {
  if (!log_enabled(level)) return;
  const std::string about = origin();
  const std::string line = about.empty() ? std::string{message} : "[" + about + "] " + std::string{message};
  the_log().logger.log(to_spdlog(level), spdlog::string_view_t{line.data(), line.size()});
}

void set_log_origin(std::string origin) {
  ProcessOrigin& process = origin_of_process();
  const std::lock_guard lock{process.mutex};
  process.name = std::move(origin);
}

LogOrigin::LogOrigin(std::string_view origin) noexcept : before_{std::exchange(origin_of_thread, origin)} {}
LogOrigin::~LogOrigin() { origin_of_thread = before_; }

std::string recent_log() { return the_log().sink->kept(); }

void set_log_sink(LogSink sink) { the_log().sink->set(std::move(sink)); }

}  // namespace tidemark
