#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace anemone::generate {

/// A thread that does small pieces of work ahead of those who need them; who comes before it has
/// begun does the work himself. A steady state allocates nothing. All methods may be called from
/// several threads, those with one piece of work from one.
class Background {
 public:
  class Work {
   public:
    virtual ~Work() = default;
    virtual void run() = 0;
  };

  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// `work` must live until it is finished or dropped.
  void begin(Work& work);
  /// Returns when `work`, which was begun, has run, on either thread.
  void finish(Work& work);
  /// The same, but it need not run.
  void drop(Work& work);

 private:
  void loop();
  /// Whether it was still waiting.
  bool take_back(Work& work);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<Work*> waiting_;
  Work* running_ = nullptr;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace anemone::generate
