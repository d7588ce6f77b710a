#include "cli/job_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "control/control_folder.h"
#include "env/posix_file_system.h"

namespace tidemark {

void PrintTo(const JobPlace& place, std::ostream* to) { *to << place.folder << " at " << place.socket_folder; }

namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

const std::string kDir = "box://bucket/state";

auto is_place(const std::string& folder, const std::string& socket_folder) {
  return AllOf(Field(&JobPlace::folder, folder), Field(&JobPlace::socket_folder, socket_folder));
}

class JobPlacesTest : public ::testing::Test {
 protected:
  JobPlacesTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-places-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~JobPlacesTest() override { fs::remove_all(folder_); }

  void put_file(const std::string& path) {
    fs::create_directories(fs::path{path}.parent_path());
    std::ofstream{path};
  }
  void put_socket_of(const std::string& dir, const std::string& job) {
    value_or_throw(ControlFolder::make(files_, root(), dir, job));  // the root, with its mode
    put_file(at(dir, job) + "/control.sock");
  }
  std::string at(const std::string& dir, const std::string& job) const { return control_folder(root(), dir, job); }
  Result<std::vector<JobPlace>> places(const std::string& path) { return job_places(files_, root(), path); }
  std::string root() const { return folder_ + "/root"; }

  std::string folder_;
  FileSystem& files_ = posix_file_system();
};

TEST_F(JobPlacesTest, ALocalFolderIsWhereItsSocketLies) {
  const std::string state = folder_ + "/state";
  put_file(state + "/orders/LOCK");
  put_file(state + "/clicks/CURRENT");
  fs::create_directories(state + "/other");
  EXPECT_THAT(value_or_throw(places(state)), ElementsAre(is_place(state + "/clicks", state + "/clicks"),
                                                         is_place(state + "/orders", state + "/orders")));
  EXPECT_FALSE(value_or_throw(job_place(files_, root(), state + "/orders")).is_on_storage());
  EXPECT_EQ(value_or_throw(job_place(files_, root(), "file://" + state + "/orders")).folder, state + "/orders");
  EXPECT_THAT(job_place(files_, root(), state).error().message(),
              HasSubstr("holds several jobs: name one of " + state + "/clicks, "));
  EXPECT_EQ(job_place(files_, root(), state + "/other").error().code(), ErrorCode::kNotFound);
}

TEST_F(JobPlacesTest, AJobOnAStorageIsFoundByItsNameThere) {
  put_socket_of(kDir, "orders");
  for (const std::string& path : {kDir, kDir + "/", kDir + "/orders", kDir + "/orders/"}) {
    EXPECT_THAT(value_or_throw(places(path)), ElementsAre(is_place(kDir + "/orders", at(kDir, "orders")))) << path;
    EXPECT_TRUE(value_or_throw(job_place(files_, root(), path)).is_on_storage());
  }
  put_socket_of(kDir, "clicks");
  EXPECT_EQ(value_or_throw(places(kDir)).size(), 2u);
  EXPECT_EQ(value_or_throw(places(kDir + "/clicks")).size(), 1u);
  EXPECT_EQ(job_place(files_, root(), kDir).error().code(), ErrorCode::kInvalidArgument);
  for (const std::string& path : {kDir + "/order", std::string{"box://bucket"}, folder_ + "/nowhere"}) {
    const auto none = places(path);
    ASSERT_FALSE(none) << path;
    EXPECT_THAT(none.error().message(),
                AllOf(HasSubstr("there is no folder '" + path + "'"), HasSubstr("on a storage of its own")));
  }
}

// As when a job was first run on local files.
TEST_F(JobPlacesTest, OfTwoWithOneNameTheOneThatRunsIsMeant) {
  const std::string state = folder_ + "/state";
  put_file(state + "/orders/LOCK");
  put_socket_of(state, "orders");
  EXPECT_THAT(value_or_throw(places(state)), ElementsAre(is_place(state + "/orders", at(state, "orders"))));
  EXPECT_THAT(value_or_throw(places(state + "/orders")), ElementsAre(is_place(state + "/orders", at(state, "orders"))));
  put_file(state + "/orders/control.sock");
  EXPECT_FALSE(value_or_throw(job_place(files_, root(), state)).is_on_storage());
}

}  // namespace
}  // namespace tidemark
