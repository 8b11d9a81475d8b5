#include "eval/templates.h"

#include <map>
#include <memory>

#include "eval/python_format.h"
#include "text/jinja.h"

namespace anemone::eval {

RenderTemplate task_templates() {
  using Compiled = std::map<std::string, text::JinjaTemplate, std::less<>>;
  return [compiled = std::make_shared<Compiled>()](const std::string& source,
                                                   const Value& document) -> Result<std::string> {
    auto found = compiled->find(source);
    if (found == compiled->end()) {
      ANEMONE_TRY(auto made, text::JinjaTemplate::compile(source));
      found = compiled->emplace(source, std::move(made)).first;
    }
    return found->second.render(python::dumps(document));
  };
}

}  // namespace anemone::eval
