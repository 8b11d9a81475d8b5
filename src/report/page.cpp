#include "report/page.h"

namespace anemone::report {

std::string written(const Page& page, Format format) {
  switch (format) {
    case Format::text:
      return to_text(page);
    case Format::markdown:
      return to_markdown(page);
    case Format::html:
      break;
  }
  return to_html(page);
}

}  // namespace anemone::report
