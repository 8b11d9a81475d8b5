#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "anemone/evaluate.h"
#include "command.h"
#include "eval_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  std::string output;
  std::vector<std::string> shards;
};

Status merge(const Flags& flags, const CommonFlags& common) {
  const std::vector<std::filesystem::path> shards(flags.shards.begin(), flags.shards.end());
  ANEMONE_TRY(const eval::Report report, eval::merge_shards(shards, log_sink(common)));
  ANEMONE_RETURN_IF_ERROR(eval::check_output(flags.output).in("OUT"));
  return publish(report, flags.output, common);
}

}  // namespace

Action add_merge(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("One report of the shards of an evaluation, as if it had run in one piece");
  app.add_option("out", flags->output, "Folder for results, or a name that ends in .json")
      ->required();
  app.add_option("shards", flags->shards,
                 "Output folders of eval --shard, or files shard_<i>_of_<n>.jsonl")
      ->required();
  app.footer("Example: anemone merge whole part1 part2");
  return [flags, &common] { return merge(*flags, common); };
}

}  // namespace anemone::tools
