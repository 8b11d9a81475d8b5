#include "compress/compressor.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <thread>

#include "base/check.h"
#include "base/error.h"

namespace anemone::compress {
namespace {

/// "@compressed/<item>.<part>/" stands before the path of the weight.
constexpr std::string_view kPrefix = "@compressed/";

mil::Value deferred(const mil::TensorType& type, size_t item, size_t part,
                    const std::string& path) {
  mil::Value value{.type = {.tensor = type}};
  value.blob = std::make_shared<const mil::BlobReference>(
      mil::BlobReference{fmt::format("{}{}.{}/{}", kPrefix, item, part, path), 0});
  return value;
}

/// Item and part of such a path.
std::pair<size_t, size_t> place_of(std::string_view path) {
  std::pair<size_t, size_t> place;
  const char* end = path.data() + path.size();
  const auto item = std::from_chars(path.data() + kPrefix.size(), end, place.first);
  std::from_chars(item.ptr + 1, end, place.second);
  return place;
}

/// The operations of a form, the last of which gives `name`.
std::vector<mil::Operation> operations_of(const Form& form, size_t item, const std::string& name,
                                          const std::string& path) {
  std::vector<mil::Operation> operations;
  for (const Form::Operation& stored : form.operations) {
    const bool is_last = &stored == &form.operations.back();
    mil::Operation operation;
    operation.type = stored.type;
    const std::string own = is_last ? name : fmt::format("{}_{}", name, operations.size());
    for (size_t i = 0; i < stored.outputs.size(); ++i)
      operation.outputs.push_back({i == 0 ? own : fmt::format("{}_{}", own, i), stored.outputs[i]});
    for (const Form::Operand& operand : stored.operands) {
      if (const auto* result = std::get_if<Form::Result>(&operand.from)) {
        const std::string& target = operations[result->operation].outputs[result->output].name;
        operation.inputs.push_back({operand.parameter, {{target}}, false});
        continue;
      }
      const auto* part = std::get_if<Form::Part>(&operand.from);
      mil::Value value = part ? deferred(form.parts[part->index], item, part->index, path)
                              : std::get<mil::Value>(operand.from);
      if (stored.by_attributes)
        operation.attributes.emplace_back(operand.parameter, std::move(value));
      else
        operation.inputs.push_back({operand.parameter, {{std::move(value)}}, false});
    }
    operation.attributes.emplace_back("name", mil::make_string(own));
    std::ranges::sort(operation.attributes, {}, [](const auto& entry) { return entry.first; });
    operations.push_back(std::move(operation));
  }
  return operations;
}

/// Gathers a weight that comes in parts.
Result<Tensor> fetch(const package::WeightStream& stream, const std::string& path,
                     const mil::TensorType& type) {
  Tensor whole;
  size_t filled = 0;
  ANEMONE_RETURN_IF_ERROR(stream({path, 0}, type, [&](const Tensor& part) -> Status {
    if (filled == 0 && part.element_count() == type.shape.element_count()) {
      whole = part.reshaped(type.shape);
      filled = whole.bytes().size();
      return {};
    }
    if (!whole.defined()) whole = Tensor::zeros(type.dtype, type.shape);
    const auto rest = whole.mutable_bytes().subspan(filled);
    if (part.dtype() != type.dtype || part.bytes().size() > rest.size())
      return fail(ErrorCode::mismatch, "more contents than {} takes",
                  to_string(mil::ValueType{.tensor = type}));
    std::ranges::copy(part.bytes(), rest.begin());
    filled += part.bytes().size();
    return {};
  }));
  if (!whole.defined() || filled != whole.bytes().size())
    return fail(ErrorCode::mismatch, "got {} bytes of {}", filled,
                to_string(mil::ValueType{.tensor = type}));
  return whole;
}

}  // namespace

Status check_finite(const Tensor& values) {
  constexpr uint16_t kMagnitude = 0x7fff;
  constexpr uint16_t kInfinity = 0x7c00;
  constexpr float kLargest = 65504;
  bool fine = true;  // no early end, so that the compiler takes several at once
  if (values.dtype() == DType::fp16)
    for (const uint16_t bits : values.values<uint16_t>()) fine &= (bits & kMagnitude) < kInfinity;
  else
    for (const float value : values.values<float>()) fine &= std::abs(value) <= kLargest;
  if (fine) return {};
  return fail(ErrorCode::out_of_range, "infinite, no number or beyond fp16: cannot be compressed");
}

std::string left_dense_text(const std::vector<LeftWeight>& left) {
  const auto first = std::ranges::find_if(left, &LeftWeight::is_multiplied);
  if (first == left.end()) return "";
  const auto more = std::ranges::count_if(left, &LeftWeight::is_multiplied) - 1;
  return fmt::format("left as it is: '{}' of {}, {} elements, {}{}", first->name, first->package,
                     first->elements, first->why,
                     more == 0 ? "" : fmt::format("; and {} more like it", more));
}

std::string left_text(const std::vector<LeftWeight>& left) {
  std::map<std::pair<std::string, std::string>, size_t> counts;
  for (const LeftWeight& weight : left)
    if (!weight.part.empty()) ++counts[{weight.part, weight.why}];
  std::string text;
  for (const auto& [key, count] : counts)
    text += fmt::format("{}{}: {} {}", text.empty() ? "" : "; ", key.first, count, key.second);
  return text;
}

Compressor::Compressor(const Spec& spec, int threads, const WeightPlan* plan)
    : spec_(spec),
      threads_(threads > 0 ? threads
                           : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
      plan_(plan) {}

void Compressor::add_left(const mil::Function& function, const std::string& package) {
  if (spec_.is_dense()) return;
  for (LeftConstant& constant : left_constants(function, package)) {
    if (constant.part && spec_.scheme(*constant.part) == nullptr) continue;
    const std::string& source = constant.source.empty() ? constant.name : constant.source;
    if (!known_left_.insert(fmt::format("{} {} {}", package, constant.why, source)).second)
      continue;
    LeftWeight& left = left_.emplace_back();
    left.package = package;
    left.name = std::move(constant.name);
    if (constant.part) left.part = kPartNames[static_cast<size_t>(*constant.part)];
    left.elements = constant.elements;
    left.why = std::move(constant.why);
    left.is_multiplied = constant.is_large_and_multiplied;
  }
}

Status Compressor::rewrite(mil::Program& program, const std::string& package) {
  for (mil::Function& function : program.functions) {
    add_left(function, package);
    std::vector<mil::Operation>& operations = function.block.operations;
    std::map<size_t, std::vector<mil::Operation>> replaced;
    for (const FoundWeight& found : find_weights(function, package)) {
      const Scheme* scheme = spec_.scheme(found.part);
      if (found.is_part_named && !spec_.is_uniform()) told_by_name_.insert(found.name);
      if (plan_ != nullptr) {
        ANEMONE_TRY(scheme, plan_->scheme(package, found, scheme));
      }
      const mil::Value& value = *operations[found.operation].find_attribute("val");
      const std::string path =
          value.blob
              ? fmt::format(
                    "{}{}", value.blob->path,
                    value.tensor.defined() ? fmt::format("#{}", value.blob->offset_bytes) : "")
              : fmt::format("{}/{}", function.name, found.name);
      if (found.part == Part::embed || found.part == Part::head)
        tables_[fmt::format("{} {}", package, path)][found.part] =
            scheme != nullptr ? scheme->text() : std::string(to_string(found.weight.type.dtype));
      if (scheme == nullptr) continue;
      const std::string key =
          fmt::format("{} {} {} {} {} {}", package, scheme->text(), found.weight.opset,
                      found.weight.rows(), found.weight.output_axis, path);
      const auto [known, is_new] = index_.try_emplace(key, items_.size());
      if (is_new) {
        auto form = scheme->form(found.weight);
        if (!form.ok()) return std::move(form).in(fmt::format("weight '{}'", found.name)).error();
        const mil::TensorType& type = found.weight.type;
        CompressedWeight report{.package = package,
                                .name = found.name,
                                .part = std::string(kPartNames[static_cast<size_t>(found.part)]),
                                .scheme = scheme->text(),
                                .elements = type.shape.element_count(),
                                .dense_bytes = static_cast<uint64_t>(
                                    *checked_byte_count(type.dtype, type.shape.element_count())),
                                .bytes = form->stored_bytes()};
        items_.push_back(std::make_unique<Item>(
            Item{scheme, found.weight, *std::move(form), value.tensor, path, std::move(report)}));
      }
      CompressedWeight& known_weight = items_[known->second]->report;
      if (const std::string_view part = kPartNames[static_cast<size_t>(found.part)];
          known_weight.part != part)
        known_weight.also_part = part;
      const auto form = scheme->form(found.weight);
      replaced[found.operation] = operations_of(*form, known->second, found.name, path);
    }
    std::vector<mil::Operation> rewritten;
    for (size_t i = 0; i < operations.size(); ++i) {
      const auto found = replaced.find(i);
      if (found == replaced.end())
        rewritten.push_back(std::move(operations[i]));
      else
        std::ranges::move(found->second, std::back_inserter(rewritten));
    }
    operations = std::move(rewritten);
  }
  return {};
}

Status Compressor::encode(Item& item, const package::WeightStream& rest) {
  Tensor dense = item.dense;
  if (!dense.defined()) {
    ANEMONE_TRY(dense, fetch(rest, item.path, item.weight.type));
  }
  ANEMONE_RETURN_IF_ERROR(check_finite(dense).in(fmt::format("weight '{}'", item.report.name)));
  std::optional<Encoded> known;
  if (plan_ != nullptr) {
    ANEMONE_TRY(known, plan_->encoded(item.weight, *item.scheme, dense));
  }
  Encoded encoded = known ? *std::move(known) : item.scheme->encode(item.weight, dense, threads_);
  encoded_ = std::move(encoded.parts);
  encoded_item_ = &item;
  item.report.relative_error =
      encoded.squared_sum > 0 ? encoded.squared_error / encoded.squared_sum : 0.0;
  item.report.output_error = encoded.output_error;
  return {};
}

package::WeightStream Compressor::stream(package::WeightStream rest) {
  return [this, rest = std::move(rest)](const mil::BlobReference& reference,
                                        const mil::TensorType& type,
                                        const package::WeightSink& add) -> Status {
    if (!reference.path.starts_with(kPrefix)) return rest(reference, type, add);
    const auto [number, part] = place_of(reference.path);
    ANEMONE_CHECK(number < items_.size(), "references are our own");
    Item& item = *items_[number];
    if (encoded_item_ != &item) ANEMONE_RETURN_IF_ERROR(encode(item, rest));
    return add(encoded_.at(part).reshaped(type.shape));
  };
}

uint64_t Compressor::saved_bytes(bool with_embedding) const {
  uint64_t saved = 0;
  for (const auto& item : items_)
    if (with_embedding || item->report.part != kPartNames[static_cast<size_t>(Part::embed)])
      saved += item->report.dense_bytes - std::min(item->report.dense_bytes, item->report.bytes);
  return saved;
}

std::vector<CompressedWeight> Compressor::report() const {
  std::vector<CompressedWeight> report;
  for (const auto& item : items_) report.push_back(item->report);
  return report;
}

std::string Compressor::split_tables() const {
  for (const auto& [table, stored] : tables_) {
    const auto embedding = stored.find(Part::embed);
    const auto head = stored.find(Part::head);
    if (embedding == stored.end() || head == stored.end() || embedding->second == head->second)
      continue;
    return fmt::format(
        "embedding and head are one table, stored twice now, as {} and as {}; where "
        "both have the same scheme it is stored once",
        embedding->second, head->second);
  }
  return "";
}

std::string_view Compressor::name_of(std::string_view path) const {
  return path.starts_with(kPrefix) ? items_.at(place_of(path).first)->report.name
                                   : std::string_view();
}

std::string_view Compressor::original_path(std::string_view path) {
  if (!path.starts_with(kPrefix)) return path;
  path.remove_prefix(kPrefix.size());
  return path.substr(path.find('/') + 1);
}

}  // namespace anemone::compress
