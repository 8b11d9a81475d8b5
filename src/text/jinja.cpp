#include "text/jinja.h"

#include "text/bridge_call.h"

namespace anemone::text {

struct JinjaTemplate::State {
  BridgeTemplate bridge;
};

Result<JinjaTemplate> JinjaTemplate::compile(std::string_view source) {
  auto state = std::make_shared<State>();
  ANEMONE_TRY(state->bridge, bridge_make<BridgeTemplate>([&](auto** handle, auto** error) {
                return anemone_bridge_template_new(ANEMONE_BRIDGE_DIALECT_TASK, source.data(),
                                                   source.size(), handle, error);
              }));
  return JinjaTemplate(std::move(state));
}

Result<std::string> JinjaTemplate::render(std::string_view context) const {
  return bridge_text([&](auto* buffer, auto** error) {
    return anemone_bridge_template_render(state_->bridge.get(), context.data(), context.size(),
                                          nullptr, nullptr, buffer, error);
  });
}

}  // namespace anemone::text
