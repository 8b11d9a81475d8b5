// In which part of a model weights stand, told by the graph: of what we convert, whose names say
// it, and of packages that others made, whose names do not.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "compress/find_weights.h"
#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using compress::FoundWeight;
using compress::Part;

std::vector<FoundWeight> weights_of(const fs::path& path) {
  const auto package = package::open(path);
  EXPECT_TRUE(package.ok()) << package.error().to_string();
  std::vector<FoundWeight> all;
  for (const mil::Function& function : package->program.functions)
    for (FoundWeight& weight : compress::find_weights(function, path.filename().string()))
      all.push_back(std::move(weight));
  return all;
}

bool is_large(const mil::Value& value) {
  return value.type.kind == mil::ValueType::Kind::tensor &&
         (value.type.tensor.dtype == DType::fp16 || value.type.tensor.dtype == DType::fp32) &&
         value.type.tensor.shape.element_count() > 2048;
}

/// Names of all constants of more than 2,048 elements that a product multiplies with activations,
/// or that a gather reads where it reads nothing else.
void add_large_operands(const mil::Block& block, std::set<std::string>& constants,
                        std::set<std::string>& multiplied, std::set<std::string>& gathered) {
  for (const mil::Operation& operation : block.operations) {
    const mil::Value* value = operation.find_attribute("val");
    if (operation.type == "const" && value != nullptr && is_large(*value))
      constants.insert(operation.outputs[0].name);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings) {
        if (!binding.is_name() || !constants.contains(binding.name())) continue;
        if (operation.type == "conv" || operation.type == "linear" || operation.type == "matmul")
          multiplied.insert(binding.name());
        if (operation.type == "gather") gathered.insert(binding.name());
      }
    for (const mil::Block& nested : operation.blocks)
      add_large_operands(nested, constants, multiplied, gathered);
  }
}

/// Each is found, or gathered and said to be left; no other is.
void expect_none_is_silent(const fs::path& path) {
  const auto package = package::open(path);
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  for (const mil::Function& function : package->program.functions) {
    std::set<std::string> constants;
    std::set<std::string> multiplied;
    std::set<std::string> gathered;
    add_large_operands(function.block, constants, multiplied, gathered);
    std::set<std::string> found;
    for (const FoundWeight& weight : compress::find_weights(function, ""))
      found.insert(weight.name);
    for (const std::string& name : multiplied)
      EXPECT_TRUE(found.contains(name)) << path << " " << function.name << " " << name;
    for (const std::string& name : found)
      EXPECT_TRUE(multiplied.contains(name) || gathered.contains(name)) << name;
    std::set<std::string> left;
    for (const compress::LeftConstant& constant : compress::left_constants(function, "")) {
      EXPECT_FALSE(constant.is_large_and_multiplied) << constant.name << ": " << constant.why;
      left.insert(constant.name);
    }
    for (const std::string& name : gathered) EXPECT_NE(found.contains(name), left.contains(name));
  }
}

std::vector<fs::path> packages_below(const fs::path& folder) {
  if (package::form_of(folder)) return {folder};
  std::vector<fs::path> packages;
  for (const auto& entry : fs::directory_iterator(folder))
    if (package::form_of(entry.path())) packages.push_back(entry.path());
  return packages;
}

/// Elements of the weights of each part.
std::map<Part, std::multiset<int64_t>> sizes_of(const fs::path& model) {
  std::map<Part, std::multiset<int64_t>> sizes;
  for (const fs::path& package : packages_below(model))
    for (const FoundWeight& weight : weights_of(package)) {
      EXPECT_FALSE(weight.is_part_named) << weight.name;
      sizes[weight.part].insert(weight.weight.type.shape.element_count());
    }
  return sizes;
}

using Sizes = std::multiset<int64_t>;

/// `each` in `layers` layers.
Sizes in_layers(int layers, const std::vector<int64_t>& each) {
  Sizes sizes;
  for (int i = 0; i < layers; ++i) sizes.insert(each.begin(), each.end());
  return sizes;
}

Part named_part(std::string_view name) {
  const auto has = [&](std::string_view word) { return name.find(word) != std::string_view::npos; };
  if (has("attention")) return Part::attn;
  if (has("mlp") || has("expert") || has("router")) return Part::ffn;
  return has("head") || has("score_part") ? Part::head : Part::embed;
}

void expect_named_parts(const fs::path& source, const std::string& layout) {
  const test::ScratchFolder scratch;
  ConvertOptions options{.layout = layout};
  if (layout == "plain")
    options.lengths = {16};
  else
    options.context = 64;
  if (layout == "anemone") options.prefill = {16};
  const fs::path out = scratch.path() / "out";
  ASSERT_TRUE(test::converted(source, out, options));
  std::set<Part> seen;
  for (const fs::path& package : packages_below(out)) {
    expect_none_is_silent(package);
    for (const FoundWeight& weight : weights_of(package)) {
      EXPECT_FALSE(weight.is_part_named) << weight.name;
      EXPECT_EQ(static_cast<int>(weight.part), static_cast<int>(named_part(weight.name)))
          << weight.name;
      seen.insert(weight.part);
    }
  }
  EXPECT_EQ(seen.size(), compress::kPartNames.size()) << "all parts";
}

bool is_known_to_anemll(const fs::path& source) {
  const auto planned = convert(source, "out", {.layout = "anemll", .context = 64, .dry_run = true});
  return planned.ok() ||
         planned.error().message.find("ANEMLL's tools know no") == std::string::npos;
}

TEST(PartsOfOurs, AreThoseThatTheirNamesSayInEveryFamilyAndLayout) {
  const fs::path checkpoints = test::shared_folder() / "fixtures/hf";
  ANEMONE_NEED_SHARED(checkpoints);
  size_t families = 0;
  size_t of_anemll = 0;
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    if (!fs::exists(entry.path() / "config.json")) continue;
    ++families;
    std::vector<std::string> layouts = {"anemone", "stateful", "plain"};
    if (is_known_to_anemll(entry.path())) layouts.push_back("anemll");
    of_anemll += layouts.size() - 3;
    for (const std::string& layout : layouts) {
      SCOPED_TRACE(entry.path().filename().string() + " " + layout);
      expect_named_parts(entry.path(), layout);
    }
  }
  EXPECT_GE(families, 12u);
  EXPECT_GE(of_anemll, 4u);
}

/// ANEMLL's packages, whose weights are "const_7": 5 layers of 256, 4 heads and 2 of keys of 64,
/// 704 inner units.
TEST(PartsOfOthers, AnemllsOutputProjectionsAreOfAttention) {
  const auto sizes = sizes_of(test::source_folder() / "models/anemone-tiny-anemll");
  constexpr int64_t kWide = 256 * 256;
  constexpr int64_t kNarrow = 256 * 128;
  constexpr int64_t kInner = 256 * 704;
  Sizes attention = in_layers(5, {kWide, kNarrow, kNarrow, kWide});
  Sizes inner = in_layers(5, {kInner, kInner, kInner});
  attention.merge(Sizes(attention));  // the functions infer and prefill
  inner.merge(Sizes(inner));
  EXPECT_EQ(sizes.at(Part::attn), attention);
  EXPECT_EQ(sizes.at(Part::ffn), inner);
  EXPECT_EQ(sizes.at(Part::head), in_layers(16, {4096 / 16 * 256}));
  EXPECT_EQ(sizes.at(Part::embed), in_layers(1, {4096 * 256}));
}

/// 3 layers of 60: one joint product of queries, keys and values.
TEST(PartsOfOthers, Gpt2HasAllFourParts) {
  for (const char* name : {"gpt2_fp16", "gpt2_fp32"}) {
    const fs::path package = test::shared_folder() / "fixtures/coreml" / name / "model.mlpackage";
    ANEMONE_NEED_SHARED(package);
    const auto sizes = sizes_of(package);
    EXPECT_EQ(sizes.at(Part::attn), in_layers(3, {60 * 180, 60 * 60})) << name;
    EXPECT_EQ(sizes.at(Part::ffn), in_layers(3, {60 * 240, 240 * 60})) << name;
    EXPECT_TRUE(sizes.contains(Part::head)) << name;
  }
}

TEST(PartsOfOthers, ExportsWithCachesHaveThemToo) {
  const fs::path package = test::shared_folder() / "fixtures/coreml/llama_stateful/model.mlpackage";
  ANEMONE_NEED_SHARED(package);
  const auto sizes = sizes_of(package);
  EXPECT_EQ(sizes.at(Part::attn), in_layers(3, {96 * 96, 96 * 48, 96 * 48, 96 * 96}));
  EXPECT_EQ(sizes.at(Part::ffn), in_layers(3, {96 * 200, 96 * 200, 200 * 96}));
}

}  // namespace
}  // namespace anemone
