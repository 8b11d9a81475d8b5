#include <iostream>
#include <iterator>

#include "anemone/report.h"

/// The page of a document of bench: standard input to standard output.
int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto page = anemone::report::bench(text, "bench.json", anemone::report::Format::html);
  if (!page.ok()) {
    std::cerr << page.error().to_string() << '\n';
    return 1;
  }
  std::cout << *page;
  return 0;
}
