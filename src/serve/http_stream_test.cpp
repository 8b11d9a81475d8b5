#include "serve/http_stream.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <thread>

namespace anemone::serve {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

class HttpStreamTest : public testing::Test {
 protected:
  HttpStreamTest() : client_(context_) {
    tcp::acceptor acceptor(context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    client_.connect(acceptor.local_endpoint());
    stream_.emplace(acceptor.accept(), HttpStream::Limits{4096, 4096});
  }

  boost::asio::io_context context_;
  tcp::socket client_;
  std::optional<HttpStream> stream_;
};

TEST_F(HttpStreamTest, AClientThatLeavesIsNoticedAfterAnAlarm) {
  bool has_left = false;
  HttpStream::Watch watch(*stream_, [&] { has_left = true; });
  stream_->limit(seconds(0));
  context_.run_for(milliseconds(50));
  stream_->end_limit();
  EXPECT_FALSE(has_left);
  client_.close();
  context_.restart();
  context_.run_for(seconds(5));
  EXPECT_TRUE(has_left);
}

TEST_F(HttpStreamTest, WhatIsWrittenInTwoPartsArrivesAsOne) {
  const std::string head(1000, 'h');
  const std::string body(20'000'000, 'b');  // more than the system takes at once
  std::optional<HttpStream::Error> ended;
  boost::asio::co_spawn(context_, stream_->write(head, body, seconds(30)),
                        [&](const std::exception_ptr&, HttpStream::Error error) { ended = error; });
  std::string got(head.size() + body.size(), '\0');
  std::thread reader([&] { boost::asio::read(client_, boost::asio::buffer(got)); });
  context_.run();
  reader.join();
  EXPECT_EQ(ended, HttpStream::Error());
  EXPECT_TRUE(got == head + body);
}

TEST_F(HttpStreamTest, AStreamThatIsClosedIsWatchedNoMore) {
  HttpStream::Watch watch(*stream_, [] { FAIL(); });
  context_.run_for(milliseconds(10));
  stream_->close();
  context_.restart();
  context_.run_for(seconds(5));
  EXPECT_TRUE(context_.stopped()) << "nothing waits any more";
}

}  // namespace
}  // namespace anemone::serve
