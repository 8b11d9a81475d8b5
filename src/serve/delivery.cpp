#include "serve/delivery.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <utility>

#include "serve/server_sent_events.h"
#include "serve/worker_call.h"

namespace anemone::serve {

namespace asio = boost::asio;

Delivery::Delivery(HttpStream& stream, Responder& responder, const Service& service,
                   Scheduler& scheduler, asio::thread_pool& workers)
    : stream_(stream),
      responder_(responder),
      service_(service),
      scheduler_(scheduler),
      workers_(workers),
      signal_(std::make_shared<asio::steady_timer>(stream.executor())) {}

std::shared_ptr<Mailbox> Delivery::make_mailbox(const Exchange& exchange) {
  auto wake = [signal = std::weak_ptr(signal_), executor = stream_.executor()] {
    asio::post(executor, [signal] {
      if (const auto timer = signal.lock()) timer->cancel();
    });
  };
  // A document is taken from the mailbox as it grows, whatever the client reads.
  const size_t most_bytes = exchange.streams()
                                ? static_cast<size_t>(service_.options.limits.unread_bytes)
                                : std::numeric_limits<size_t>::max();
  return std::make_shared<Mailbox>(most_bytes, std::move(wake));
}

asio::awaitable<bool> Delivery::run(Exchange& exchange) {
  const Limits& limits = service_.options.limits;
  const Responder::Asked& asked = responder_.asked();
  const auto mailbox = make_mailbox(exchange);
  const auto deadline = asked.began + std::chrono::seconds(limits.request_s);
  std::vector<Job> jobs;
  for (Work& work : exchange.take_work())
    jobs.push_back({std::move(work), jobs.size(), mailbox, deadline, asked.began, asked.endpoint});
  const size_t answers = jobs.size();
  const auto admission = scheduler_.submit(std::move(jobs));
  if (admission == Scheduler::Admission::full)
    co_return co_await responder_.refuse(429, "too many answers are waited for", "queue_full");
  if (admission == Scheduler::Admission::too_many)
    co_return co_await responder_.refuse(
        400, fmt::format("these are {} answers, this server takes {}", answers, limits.waiting),
        "invalid_value");
  if (admission == Scheduler::Admission::stopping)
    co_return co_await responder_.refuse(503, "the server is shutting down", "shutting_down");
  struct NobodyWaitsAfterwards {
    ~NobodyWaitsAfterwards() { mailbox.cancel(Cancellation::disconnect); }
    Mailbox& mailbox;
  } const end{*mailbox};
  const HttpStream::Watch watch(stream_, [this, mailbox] {
    left_ = true;
    mailbox->cancel(Cancellation::disconnect);
    signal_->cancel();
  });
  const bool goes_on = co_await carry(exchange, *mailbox, answers);
  responder_.count(499);  // as others count a client that left
  co_return goes_on && !stream_.overflown();
}

asio::awaitable<bool> Delivery::carry(Exchange& exchange, Mailbox& mailbox, size_t answers) {
  std::string text = exchange.streams() ? exchange.begin() : "";
  while (answers > 0) {
    std::vector<Event> events = mailbox.take();
    if (left_) co_return false;
    if (mailbox.cancellation() == Cancellation::lost) {
      const Refusal refusal{500, "no memory", "internal", ""};
      co_return co_await responder_.fail(exchange, refusal);
    }
    if (events.empty()) {
      const bool waited = co_await wait(exchange, text);
      if (!waited) co_return false;
      continue;
    }
    for (Event& event : events) {
      if (event.outcome && std::holds_alternative<Refusal>(*event.outcome)) {
        mailbox.cancel(Cancellation::error);
        if (mailbox.cancellation() == Cancellation::slow_reader) co_return false;
        const Refusal refusal = std::get<Refusal>(*std::move(event.outcome));
        co_return co_await responder_.fail(exchange, refusal);
      }
      if (!event.piece.text.empty() || !event.piece.tokens.empty())
        text += exchange.piece(event.index, std::move(event.piece));
      if (!event.outcome) continue;
      text += exchange.outcome(event.index, std::get<generate::Generation>(*event.outcome));
      --answers;
    }
    if (!exchange.streams()) continue;
    std::string ready = std::exchange(text, {});
    const bool written = co_await responder_.write_stream(std::move(ready));
    if (!written) co_return false;
  }
  co_return co_await finish(exchange);
}

asio::awaitable<bool> Delivery::wait(Exchange& exchange, std::string& text) {
  boost::system::error_code woken;
  signal_->expires_after(std::chrono::seconds(service_.options.ping_s));
  co_await signal_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (woken || !exchange.streams()) co_return true;
  std::string ready = std::exchange(text, {}) + std::string(kPing);
  co_return co_await responder_.write_stream(std::move(ready));
}

asio::awaitable<bool> Delivery::finish(Exchange& exchange) {
  if (exchange.streams()) {
    std::string last = exchange.finish();
    const bool written = co_await responder_.write_stream(std::move(last));
    if (!written) co_return false;
    co_return co_await responder_.end_stream();
  }
  // Texts of many tokens take a while.
  std::string body;
  const std::function<void()> work = [&] { body = exchange.finish(); };
  co_await call_on(workers_, work);
  if (left_) co_return false;
  Document document{200, std::move(body)};
  co_return co_await responder_.write(std::move(document));
}

}  // namespace anemone::serve
