#include "serve/worker_call.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace anemone::serve {

namespace asio = boost::asio;

asio::awaitable<void> call_on(asio::thread_pool& workers, std::function<void()> work) {
  const auto call = [&]() -> asio::awaitable<void> {
    work();
    co_return;
  };
  co_await asio::co_spawn(workers, call, asio::use_awaitable);
}

}  // namespace anemone::serve
