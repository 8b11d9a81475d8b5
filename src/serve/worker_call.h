#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>

namespace anemone::serve {

/// Does `work` on one of the workers, and goes on where it was when that is done. What `work`
/// throws is thrown.
boost::asio::awaitable<void> call_on(boost::asio::thread_pool& workers, std::function<void()> work);

}  // namespace anemone::serve
