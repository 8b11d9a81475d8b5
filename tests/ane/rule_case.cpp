#include "ane/rule_case.h"

#include <sys/mman.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "ane/chip.h"
#include "base/error.h"
#include "support/op_case.h"
#include "support/scratch_folder.h"

namespace anemone::test {
namespace {

/// Zeros that take no memory until they are touched.
Result<Tensor> zeros(const mil::BlobReference&, DType dtype, const Shape& shape) {
  const auto count = checked_element_count(shape.dims());
  const auto bytes = count ? checked_byte_count(dtype, *count) : std::nullopt;
  if (!bytes || *bytes <= 0) return fail(ErrorCode::corrupt, "no such constant");
  const auto size = static_cast<size_t>(*bytes);
  void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail(ErrorCode::io, "no address space");
  std::shared_ptr<const void> owner(memory, [size](void* p) { munmap(p, size); });
  return Tensor::view(dtype, shape, {static_cast<const std::byte*>(memory), size}, owner);
}

struct Section {
  std::string name;
  std::string text;
};

/// The file cut at its lines `// <word>: <name>`; the part before the first has no name.
struct Sections {
  std::vector<Section> packages;
  std::vector<Section> files;
};

Sections sections_of(const std::string& text) {
  Sections sections;
  sections.packages.push_back({});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string comment, word, name;
    words >> comment >> word >> name;
    if (comment == "//:") {
      if (!sections.files.empty())
        sections.files.back().text += line.substr(std::min<size_t>(4, line.size())) + "\n";
    } else if (comment == "//" && word == "package:") {
      sections.packages.push_back({name, ""});
    } else if (comment == "//" && word == "file:") {
      sections.files.push_back({name, ""});
    } else {
      sections.packages.back().text += line + "\n";
    }
  }
  return sections;
}

std::vector<package::DimRange> read_ranges(std::istream& words) {
  std::vector<package::DimRange> ranges;
  for (std::string word; words >> word;) {
    const size_t dots = word.find("..");
    package::DimRange& range = ranges.emplace_back();
    range.lower = std::stoll(word);
    range.upper = dots == std::string::npos ? range.lower
                  : dots + 2 == word.size() ? -1
                                            : std::stoll(word.substr(dots + 2));
  }
  return ranges;
}

std::vector<std::vector<int64_t>> read_shapes(std::istream& words) {
  std::vector<std::vector<int64_t>> shapes(1);
  for (std::string word; words >> word;) {
    shapes.back().push_back(std::stoll(word));
    if (word.ends_with(';')) shapes.emplace_back();
  }
  return shapes;
}

std::vector<package::Feature> read_features(const std::string& text) {
  std::vector<package::Feature> features;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string comment, side, name, form;
    words >> comment >> side >> name >> form;
    if (comment != "//" || (side != "input" && side != "output") || !name.ends_with(':')) continue;
    package::Feature& feature = features.emplace_back();
    feature.name = name.substr(0, name.size() - 1);
    feature.dtype = DType::fp16;
    if (form == "range") {
      feature.ranges = read_ranges(words);
      for (const package::DimRange& range : feature.ranges) feature.shape.push_back(range.lower);
    } else {
      feature.enumerated_shapes = read_shapes(words);
      feature.shape = feature.enumerated_shapes[0];
      if (feature.enumerated_shapes.size() == 1) feature.enumerated_shapes.clear();
    }
  }
  return features;
}

Result<package::Package> read_package(const std::string& text) {
  package::Package package;
  ANEMONE_TRY(package.program, mil::parse(text, zeros));
  std::vector<package::Feature> features = read_features(text);
  for (const mil::Function& function : package.program.functions) {
    for (package::Feature& feature : features)
      for (const mil::NamedType& input : function.inputs)
        if (input.name == feature.name) feature.dtype = input.type.tensor.dtype;
    auto description = package::describe(function, features);
    if (description.ok()) package.functions.push_back(std::move(description).value());
  }
  if (!package.functions.empty()) package.default_function = package.functions[0].name;
  package.specification_version = package::specification_version(package.program);
  return package;
}

/// The number of a generation: 13 of "h13"; 0 for any other word.
int generation_of(const std::string& word) {
  const bool is_one = word.size() == 3 && word[0] == 'h' && std::isdigit(word[1]) != 0;
  return is_one ? std::stoi(word.substr(1)) : 0;
}

void read_words(std::istream& words, ExpectedFinding& finding) {
  std::vector<std::string> named;
  int lowest = 0;
  int highest = 0;
  for (std::string word; words >> word;) {
    if (word == "error" || word == "warning" || word == "note") {
      finding.severity = word;
    } else if (word == "from" && words >> word) {
      lowest = generation_of(word);
    } else if (word == "to" && words >> word) {
      highest = generation_of(word);
    } else {
      named.push_back(word);
    }
  }
  for (const ane::Chip& chip : ane::all_chips()) {
    const int generation = static_cast<int>(chip.generation);
    const char* const device = chip.device == ane::Device::phone ? "phones" : "macs";
    const bool in_range = (lowest > 0 || highest > 0) && generation >= lowest &&
                          (highest == 0 || generation <= highest);
    const bool is_named = std::ranges::any_of(named, [&](const std::string& word) {
      return word == chip.name || word == device || generation_of(word) == generation;
    });
    if (in_range || is_named) finding.chips.push_back(chip.name);
  }
}

std::vector<ExpectedFinding> expected_findings(const std::string& text) {
  constexpr std::string_view kMark = "// finding";
  std::vector<ExpectedFinding> expected;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    for (size_t at = line.find(kMark); at != std::string::npos; at = line.find(kMark, at + 1)) {
      const size_t colon = line.find(": ", at);
      size_t end = line.find("  // finding", colon);
      if (end == std::string::npos) end = line.size();
      ExpectedFinding& finding = expected.emplace_back();
      std::istringstream words(line.substr(at + kMark.size(), colon - at - kMark.size()));
      read_words(words, finding);
      finding.part = line.substr(colon + 2, end - colon - 2);
      finding.line = line;
      finding.number = number;
    }
  }
  return expected;
}

Result<std::vector<ane::Finding>> check_directory(const Sections& sections) {
  const ScratchFolder folder;
  for (const Section& file : sections.files) folder.write("model/" + file.name, file.text);
  for (const Section& section : sections.packages) {
    if (section.name.empty()) continue;
    ANEMONE_TRY(const package::Package package,
                std::move(read_package(section.text)).in(section.name));
    ANEMONE_RETURN_IF_ERROR(
        std::move(package::write(folder.path() / "model" / (section.name + ".mlpackage"), package))
            .in(section.name));
  }
  ANEMONE_TRY(ane::CheckReport report, ane::check(folder.path() / "model"));
  return std::move(report.findings);
}

}  // namespace

Result<RuleCase> run_rule_case(const std::filesystem::path& path, const std::string& rule) {
  const std::string text = read_text(path);
  RuleCase result{.expected = expected_findings(text)};
  const Sections sections = sections_of(text);
  std::vector<ane::Finding> findings;
  if (sections.packages.size() > 1) {
    ANEMONE_TRY(findings, check_directory(sections));
  } else {
    ANEMONE_TRY(const package::Package package, read_package(text));
    ANEMONE_TRY(findings, ane::check(package));
  }
  for (ane::Finding& finding : findings)
    if (finding.rule == rule)
      result.findings.push_back(std::move(finding));
    else if (finding.severity == ane::Severity::error)
      result.errors.push_back(std::move(finding));
  return result;
}

}  // namespace anemone::test
