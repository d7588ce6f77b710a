#include "config/yaml_documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <sstream>

namespace tidemark {
namespace {

/// Refuses a document that begins where the one before did: the parser has taken nothing.
class DocumentCounter final : public YAML::EventHandler {
 public:
  std::size_t count() const { return count_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (last_ && *last_ == mark.pos) throw YAML::ParserException(mark, "nothing begins like this");
    last_ = mark.pos;
    ++count_;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  std::size_t count_ = 0;
  std::optional<int> last_;
};

}  // namespace

std::size_t count_yaml_documents(const std::string& text) {
  std::istringstream in{text};
  YAML::Parser parser{in};
  DocumentCounter counter;
  while (parser.HandleNextDocument(counter)) {
  }
  return counter.count();
}

}  // namespace tidemark
