#include "serve/routing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace anemone::serve {
namespace {

class Routing : public testing::Test {
 protected:
  Routing() {
    const auto folder = std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny";
    auto loaded = text::Tokenizer::load(folder);
    EXPECT_TRUE(loaded.ok());
    if (loaded.ok()) tokenizer_.emplace(*std::move(loaded));
  }

  /// The status of a refusal; 200: the endpoint answers.
  int status(RequestHead head) {
    if (head.host.empty()) head.host = "localhost";
    Metrics metrics;
    Service service{{}, *tokenizer_, options_, metrics};
    service.local_only = local_only_;
    const Route chosen = route(service, head);
    return chosen.refusal ? chosen.refusal->status : 200;
  }

  std::optional<text::Tokenizer> tokenizer_;
  Options options_;
  bool local_only_ = true;
};

TEST_F(Routing, NamesOfThisMachine) {
  for (const char* name : {"localhost", "LocalHost:80", "a.localhost", "127.0.0.1", "127.9.9.9:1",
                           "[::1]", "[::1]:8080"})
    EXPECT_TRUE(names_this_machine(name)) << name;
  for (const char* name : {"", "a.test", "localhost.a.test", "127.0.0.1.a.test", "127.a.test",
                           "10.0.0.1", "[::2]", "[::1", "notlocalhost"})
    EXPECT_FALSE(names_this_machine(name)) << name;
}

TEST_F(Routing, AServerOfOtherAddressesAnswersToAnyName) {
  EXPECT_EQ(status({"GET", "/health", "a.test"}), 403);
  local_only_ = false;
  EXPECT_EQ(status({"GET", "/health", "a.test"}), 200);
}

TEST_F(Routing, AServerOnALoopbackAddressAnswersToItsOwnNameWhateverThatIs) {
  options_.host = "::1";
  EXPECT_EQ(status({"GET", "/health", "a.test"}), 403);
  EXPECT_EQ(status({"GET", "/health", "[::1]:8080"}), 200);
  options_.host = "My-Machine";
  EXPECT_EQ(status({"GET", "/health", "my-machine:8080"}), 200);
  EXPECT_EQ(status({"GET", "/health", "127.0.0.1"}), 200);
  EXPECT_EQ(status({"GET", "/health", "my-machine.a.test"}), 403);
}

TEST_F(Routing, EveryEndpointIsFoundByItsOwnMethodAlone) {
  std::set<std::string> seen;
  for (const Endpoint& endpoint : endpoints()) {
    std::string path(endpoint.path);
    EXPECT_TRUE(seen.insert(path).second) << path;
    if (path.ends_with('/') && path != "/") path += "x";
    const bool is_post = endpoint.method == "POST";
    RequestHead head{std::string(endpoint.method),     path, "localhost", "", "",
                     is_post ? "application/json" : ""};
    EXPECT_EQ(status(head), 200) << path;
    head.method = is_post ? "GET" : "POST";
    EXPECT_EQ(status(head), 405) << path;
    head.method = "HEAD";
    EXPECT_EQ(status(head), is_post ? 405 : 200) << path;
    head.method = "OPTIONS";
    head.origin = "http://a.test";
    EXPECT_EQ(status(head), 405) << path;
  }
}

TEST_F(Routing, TheKeyIsNeededButForThePageAndHealth) {
  options_.api_key = "secret";
  for (const Endpoint& endpoint : endpoints()) {
    const bool is_open = !endpoint.needs_key;
    const bool is_page = !endpoint.path.starts_with("/v1") && endpoint.path != "/metrics";
    EXPECT_EQ(is_open, is_page) << endpoint.path;
  }
  EXPECT_EQ(status({"GET", "/v1/models"}), 401);
  for (const char* wrong : {"secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets",
                            "Bearer Secret", "Basic secret"})
    EXPECT_EQ(status({"GET", "/v1/models", "", "", wrong}), 401) << wrong;
  EXPECT_EQ(status({"GET", "/v1/models", "", "", "Bearer secret"}), 200);
  EXPECT_EQ(status({"GET", "/v1/models", "", "", "bearer secret"}), 200);
  EXPECT_EQ(status({"GET", "/health"}), 200);
}

TEST_F(Routing, OnlyJsonIsRead) {
  const auto with_type = [&](const char* type, const char* encoding = "") {
    return status({"POST", "/v1/completions", "", "", "", type, encoding});
  };
  EXPECT_EQ(with_type("application/json"), 200);
  EXPECT_EQ(with_type("Application/JSON ; charset=utf-8"), 200);
  for (const char* type : {"", "text/plain", "application/jsonp", "text/plain;application/json"})
    EXPECT_EQ(with_type(type), 415) << type;
  EXPECT_EQ(with_type("application/json", "gzip"), 415);
}

TEST_F(Routing, OriginsMustBeAllowed) {
  EXPECT_TRUE(cors_headers(options_, "http://a.test").empty());
  options_.cors_origins = {"http://a.test"};
  EXPECT_EQ(cors_headers(options_, "http://a.test").front().second, "http://a.test");
  EXPECT_TRUE(cors_headers(options_, "http://b.test").empty());
  EXPECT_EQ(status({"OPTIONS", "/v1/completions", "", "http://a.test"}), 204);
  EXPECT_EQ(status({"OPTIONS", "/v1/completions", "", "http://b.test"}), 405);
  options_.cors_origins = {"*"};
  EXPECT_EQ(cors_headers(options_, "http://b.test").front().second, "*");
}

}  // namespace
}  // namespace anemone::serve
