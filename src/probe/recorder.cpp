#include "probe/recorder.h"

#include <algorithm>
#include <functional>

#include "probe/row_layout.h"

namespace anemone::probe {
namespace {

/// Every place of a structure.
void for_each_place(const Structure& structure, const std::function<void(const Place&)>& visit) {
  if (structure.start) visit(*structure.start);
  for (const Branch& branch : structure.branches) {
    if (branch.norm) visit(*branch.norm);
    for (const Product& product : branch.products) visit(product.place);
    visit(branch.sum);
  }
  if (structure.head_input) visit(*structure.head_input);
}

}  // namespace

std::string Recorder::key_of(const package::Package& package, std::string_view function) {
  return package.path.string() + '\n' + std::string(function);
}

void Recorder::begin_pass(int64_t rows) {
  pass_rows_ = rows;
  runs_.clear();
}

std::vector<std::string> Recorder::wanted(const package::Package& package,
                                          std::string_view function) {
  const std::string key = key_of(package, function);
  const mil::Function* const found = package.program.find_function(function);
  if (found != nullptr && !structures_.contains(key)) {
    const Structure& structure = structures_.emplace(key, structure_of(*found)).first->second;
    for_each_place(structure, [&](const Place& place) {
      auto& axis = axes_[key][place.value];
      if (place.channel_axis) axis = place.channel_axis;
    });
  }
  std::vector<std::string> names;
  for (const auto& [value, axis] : axes_[key]) names.push_back(value);
  return names;
}

Status Recorder::observe(const runtime::Observation& seen) {
  std::string key = key_of(seen.package, seen.function);
  if (!is_float(seen.tensor.dtype())) return {};
  const auto axis = axes_[key].find(std::string(seen.value));
  if (axis == axes_[key].end()) return {};
  if (runs_.empty() || runs_.back().key != key) runs_.push_back({std::move(key), {}});
  runs_.back().seen[axis->first] = as_rows(seen.tensor, axis->second, pass_rows_);
  return {};
}

void Recorder::keep(const std::string& name, const Run& run, const std::string& value) {
  const auto found = run.seen.find(value);
  if (found == run.seen.end() || found->second.shape()[0] < pass_rows_) return;
  const auto [place, is_new] = points_.try_emplace(name);
  Point& point = place->second;
  const int64_t channels = found->second.shape()[1];
  if (is_new) {
    order_.push_back(name);
    point.channels = channels;
  }
  if (point.rows != rows_ || point.channels != channels) return;
  const auto values =
      found->second.values<float>().first(static_cast<size_t>(pass_rows_ * channels));
  point.values.insert(point.values.end(), values.begin(), values.end());
  point.rows += pass_rows_;
}

void Recorder::end_pass() {
  int64_t layer = -1;
  bool is_first = true;
  for (const Run& run : runs_) {
    const Structure& structure = structures_.at(run.key);
    if (structure.start && is_first) keep("embedding", run, structure.start->value);
    for (const Branch& branch : structure.branches) {
      is_first = false;
      if (branch.is_attention || layer < 0) ++layer;
      const std::string whole = "layer." + std::to_string(layer);
      const std::string part = whole + (branch.is_attention ? ".attention" : ".mlp");
      if (branch.norm) keep(part + ".norm", run, branch.norm->value);
      for (const Product& product : branch.products)
        keep(part + '.' + product.role, run, product.place.value);
      keep(branch.is_attention ? part : whole, run, branch.sum.value);
    }
    if (structure.head_input) keep("final_norm", run, structure.head_input->value);
  }
  rows_ += pass_rows_;
  runs_.clear();
}

std::vector<NamedTensor> Recorder::points() const {
  std::vector<NamedTensor> result;
  for (const std::string& name : order_) {
    const Point& point = points_.at(name);
    if (point.rows != rows_) continue;
    Tensor tensor = Tensor::zeros(DType::fp32, {point.rows, point.channels});
    std::ranges::copy(point.values, tensor.mutable_values<float>().begin());
    result.push_back({name, std::move(tensor)});
  }
  return result;
}

}  // namespace anemone::probe
