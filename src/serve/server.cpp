#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <vector>

#include "anemone/serve.h"
#include "base/error.h"
#include "serve/connection.h"

namespace anemone::serve {
namespace {

namespace asio = boost::asio;
using asio::redirect_error;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPollTime(100);
constexpr size_t kWorkers = 2;
/// Connections beyond the limit that are told so; further ones are closed.
constexpr size_t kTurnedAway = 64;

Status check(const Options& options) {
  const Limits& limits = options.limits;
  const std::pair<const char*, int64_t> positive[] = {{"running", limits.running},
                                                      {"waiting", limits.waiting},
                                                      {"connections", limits.connections},
                                                      {"header_bytes", limits.header_bytes},
                                                      {"body_bytes", limits.body_bytes},
                                                      {"unread_bytes", limits.unread_bytes},
                                                      {"all_bodies_bytes", limits.all_bodies_bytes},
                                                      {"request_s", limits.request_s},
                                                      {"transfer_s", limits.transfer_s},
                                                      {"idle_s", limits.idle_s},
                                                      {"ping_s", options.ping_s}};
  for (const auto& [name, value] : positive)
    if (value < 1 || value > INT32_MAX)
      return fail(ErrorCode::invalid_argument, "{} is {}, expected 1 to {}", name, value,
                  INT32_MAX);
  for (const auto& [name, value] : {std::pair{"shutdown_s", limits.shutdown_s},
                                    std::pair{"answer_tokens", limits.answer_tokens}})
    if (value < 0 || value > INT32_MAX)
      return fail(ErrorCode::invalid_argument, "{} is {}, expected 0 to {}", name, value,
                  INT32_MAX);
  return {};
}

Status listen(tcp::acceptor& acceptor, const Options& options) {
  error_code error;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return fail(ErrorCode::invalid_argument, "{} is no address of this machine: {}", options.host,
                error.message());
  std::vector<tcp::endpoint> addresses(found.begin(), found.end());
  // A name of both kinds is listened on as IPv4, which all clients try.
  std::ranges::stable_partition(addresses, [](const auto& each) { return each.address().is_v4(); });
  for (const tcp::endpoint& address : addresses) {
    if (acceptor.is_open()) acceptor.close(error);
    acceptor.open(address.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(address, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) break;
  }
  if (error)
    return with_hint(fail(ErrorCode::io, "cannot listen on {}:{}: {}", options.host, options.port,
                          error.message()),
                     "--port 0 takes a port that is free");
  return {};
}

bool is_loopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

asio::awaitable<void> run(std::shared_ptr<Connection> connection) { co_await connection->run(); }

asio::awaitable<void> turn_away(std::shared_ptr<Connection> connection) {
  co_await connection->turn_away();
}

/// What ended one connection.
void tell(const Connections& all, const std::exception_ptr& thrown) {
  if (!thrown || !all.service.options.log) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    all.service.options.log(LogLevel::error, fmt::format("a connection ended: {}", error.what()));
  }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor, Connections& all) {
  asio::steady_timer pause(acceptor.get_executor());
  const auto most = static_cast<size_t>(all.service.options.limits.connections);
  while (!all.stops) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
    if (error) {
      // Such as too many open files: others will close theirs.
      pause.expires_after(kPollTime);
      co_await pause.async_wait(redirect_error(use_awaitable, error));
      continue;
    }
    const size_t open = all.open.size();
    if (open >= most + kTurnedAway) continue;
    try {
      auto connection = std::make_shared<Connection>(std::move(socket), all);
      asio::co_spawn(acceptor.get_executor(),
                     open < most ? run(std::move(connection)) : turn_away(std::move(connection)),
                     [&all](const std::exception_ptr& thrown) { tell(all, thrown); });
    } catch (const std::exception&) {
      tell(all, std::current_exception());  // the others go on
    }
  }
}

/// Until the owner wants to stop and all has ended, or the time for that is over.
asio::awaitable<void> watch(asio::io_context& context, tcp::acceptor& acceptor, Connections& all) {
  const Options& options = all.service.options;
  asio::steady_timer timer(context);
  error_code ignored;
  const auto pause = [&]() -> asio::awaitable<void> {
    timer.expires_after(kPollTime);
    co_await timer.async_wait(redirect_error(use_awaitable, ignored));
  };
  while (!options.stops || !options.stops()) co_await pause();
  all.stops = true;
  acceptor.close(ignored);
  all.scheduler.refuse();
  for (Connection* const connection : all.open) connection->end_if_idle();
  const auto asked = Clock::now();
  const auto waits = [&](std::chrono::seconds time) {
    return !all.open.empty() && Clock::now() < asked + time;
  };
  const std::chrono::seconds patience(options.limits.shutdown_s);
  while (waits(patience)) co_await pause();
  all.scheduler.give_up();
  constexpr std::chrono::seconds kLastWords(5);
  while (waits(patience + kLastWords)) co_await pause();
  context.stop();
}

}  // namespace

Status serve(lm::LanguageModel& model, const text::Tokenizer& tokenizer, const Options& given) {
  ANEMONE_RETURN_IF_ERROR(check(given));
  Options options = given;
  if (!model.info().gives_logits) options.defaults.sampling.temperature = 0;
  std::unique_ptr<generate::PromptCache> own_cache;
  if (options.defaults.cache == nullptr && model.saved_token_bytes() > 0) {
    ANEMONE_TRY(own_cache, generate::PromptCache::open(model, {}));
    options.defaults.cache = own_cache.get();
  }
  Metrics metrics;
  Service service{model.info(), tokenizer, options, metrics};
  service.started_s = unix_time_s();
  const auto templates = [&](bool with_tools) -> std::optional<text::ChatTemplate> {
    auto made = text::ChatTemplate::of(tokenizer, {}, with_tools);
    if (made.ok()) return *std::move(made);
    return std::nullopt;
  };
  service.chat_template = templates(false);
  service.tool_template = templates(true);
  service.dialect = generate::ToolDialect::of(tokenizer);
  std::unique_ptr<generate::ConstraintCompiler> compiler;
  if (auto made = generate::ConstraintCompiler::make(tokenizer, model.info().vocab_size); made.ok())
    compiler = *std::move(made);
  else if (options.log)
    options.log(LogLevel::warning, "no JSON and no tools: " + made.error().to_string());
  service.compiler = compiler.get();

  asio::thread_pool workers(kWorkers);
  Scheduler scheduler(
      model, tokenizer, options.defaults.cache,
      {static_cast<size_t>(options.limits.running), static_cast<size_t>(options.limits.waiting)},
      metrics);
  Connections all{service, scheduler, workers, {}, false};
  asio::io_context context(1);  // after `all`: what it still holds in the end are connections
  tcp::acceptor acceptor(context);
  ANEMONE_RETURN_IF_ERROR(listen(acceptor, options));
  error_code ignored;
  const auto address = acceptor.local_endpoint(ignored);
  service.local_only = is_loopback(address.address());
  if (!service.local_only && options.api_key.empty() && options.log)
    options.log(LogLevel::warning, "whoever reaches " + address.address().to_string() +
                                       " may use this server: there is no API key");
  std::exception_ptr thrown;
  const auto ended = [&](const std::exception_ptr& by) {
    if (!by) return;
    thrown = by;
    context.stop();
  };
  asio::co_spawn(context, accept(acceptor, all), ended);
  asio::co_spawn(context, watch(context, acceptor, all), ended);
  if (options.listening) {
    const bool is_v6 = address.address().is_v6();
    const std::string host = address.address().to_string();
    options.listening(fmt::format("http://{}:{}", is_v6 ? "[" + host + "]" : host, address.port()));
  }
  context.run();
  scheduler.end();  // it wakes connections
  workers.join();
  if (thrown) std::rethrow_exception(thrown);  // such as one of the caller's `stops`
  return {};
}

}  // namespace anemone::serve
