#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "array.h"
#include "failure.h"
#include "model.h"
#include "token_ids.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace anemone::python {
namespace {

using Ids = nb::ndarray<nb::numpy, int32_t, nb::ndim<1>>;

std::string to_json(nb::handle value) {
  if (value.is_none()) return {};
  return nb::cast<std::string>(nb::module_::import_("json").attr("dumps")(value));
}

std::string apply_chat_template(const text::Tokenizer& self, nb::handle messages, nb::handle tools,
                                nb::handle documents, bool add_generation_prompt,
                                bool continue_final_message, const std::string& name,
                                const nb::dict& variables) {
  text::ChatRequest request;
  request.messages = to_json(messages);
  request.tools = to_json(tools);
  request.documents = to_json(documents);
  if (nb::len(variables) > 0) request.variables = to_json(variables);
  request.add_generation_prompt = add_generation_prompt;
  request.continue_final_message = continue_final_message;
  const auto chat = take(text::ChatTemplate::of(self, name, !tools.is_none()));
  return take(chat.render(request));
}

}  // namespace

void bind_tokenizer(nb::module_& module) {
  using text::Tokenizer;
  nb::class_<Tokenizer>(module, "Tokenizer",
                        R"(A Hugging Face fast tokenizer, as in a model's folder. Thread-safe.)")
      .def(nb::new_([](const std::filesystem::path& path) { return take(Tokenizer::load(path)); }),
           "path"_a)
      .def(
          "encode",
          [](const Tokenizer& self, std::string_view text, bool add_special_tokens) {
            auto ids = take(self.encode(text, add_special_tokens));
            const size_t count = ids.size();
            return Ids(to_numpy<int32_t, nb::ndim<1>>(std::move(ids), {count}));
          },
          "text"_a, "add_special_tokens"_a = true, "Token ids of a text: int32 [T].")
      .def(
          "decode",
          [](const Tokenizer& self, TokenIds ids, bool skip_special_tokens) {
            return take(self.decode(token_ids(ids), skip_special_tokens));
          },
          "ids"_a, "skip_special_tokens"_a = false, "Text of ids [T].")
      .def("apply_chat_template", &apply_chat_template, "messages"_a, "tools"_a = nb::none(),
           "documents"_a = nb::none(), nb::kw_only(), "add_generation_prompt"_a = false,
           "continue_final_message"_a = false, "name"_a = "", "variables"_a = nb::dict(),
           nb::sig("def apply_chat_template(self, messages: list[dict], tools: list[dict] | None = "
                   "None, documents: list[dict] | None = None, *, add_generation_prompt: bool = "
                   "False, continue_final_message: bool = False, name: str = '', variables: dict = "
                   "{}) -> str"),
           "The conversation as text, by the template of that name or the usual one.")
      .def_prop_ro("chat_templates", &Tokenizer::chat_templates,
                   R"(Sources of the templates by name; the usual one is "default".)")
      .def(
          "token", [](const Tokenizer& self, int32_t id) { return take(self.token(id)); }, "id"_a,
          "The vocabulary's spelling of a token.")
      .def(
          "find", [](const Tokenizer& self, std::string_view token) { return self.find(token); },
          "token"_a, "Id of a token by its spelling, or None.")
      .def_prop_ro("vocab_size", &Tokenizer::vocab_size)
      .def_prop_ro("special_tokens", &Tokenizer::special_tokens)
      .def_prop_ro("bos_id", &Tokenizer::bos_id)
      .def_prop_ro("eos_id", &Tokenizer::eos_id)
      .def_prop_ro("pad_id", &Tokenizer::pad_id)
      .def_prop_ro("stop_ids", &Tokenizer::stop_ids, "Ids that end a generation.");
}

}  // namespace anemone::python
