#include "text_simulation.h"

#include <stdlib.h>

#include <memory>

#include "anemone/checkpoint_summary.h"
#include "anemone/convert.h"
#include "input_text.h"
#include "model_flags.h"
#include "settings.h"
#include "terminal.h"
#include "text_file.h"

namespace anemone::tools {
namespace {

/// A folder that is gone with the object.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> make() {
    std::error_code error;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
    std::string name = (parent / "anemone-check-XXXXXX").string();
    if (error || mkdtemp(name.data()) == nullptr)
      return Error{ErrorCode::io,
                   parent.string() + ": no folder can be made there",
                   {},
                   "TMPDIR names another place for temporary files"};
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(name));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// The programs that `convert` writes of a checkpoint by default, which are those that were
/// checked: with their weights, as they are to run.
Status write_programs(const std::string& checkpoint, const std::filesystem::path& folder,
                      const CommonFlags& common) {
  ProgressLine progress(common);
  ConvertOptions convert;
  convert.threads = common.threads;
  convert.progress = progress.sink();
  const auto written = anemone::convert(checkpoint, folder, convert);
  return written.ok() ? Status() : Status(written.error());
}

}  // namespace

Result<std::optional<simulate::Report>> simulation_of(const std::filesystem::path& model,
                                                      const std::string& text,
                                                      const std::string& tokenizer_folder,
                                                      const CommonFlags& common) {
  if (text.empty()) return std::optional<simulate::Report>();
  ANEMONE_TRY(const std::string content, read_text(text));
  if (content.empty())
    return Error{ErrorCode::invalid_argument,
                 text + ": the text is empty",
                 {},
                 "a simulation needs at least one token"};
  const ModelFlags named{.model = model.string(), .tokenizer = tokenizer_folder};
  ANEMONE_TRY(const auto tokenizer, named.load_tokenizer());
  lm::LanguageModel::Options options;
  ANEMONE_TRY(options.runtime, common.runtime_options());
  std::unique_ptr<TemporaryFolder> made;
  std::filesystem::path programs = model;
  if (is_checkpoint(model)) {
    ANEMONE_TRY(made, TemporaryFolder::make());
    programs = made->path() / "programs";
    ANEMONE_RETURN_IF_ERROR(write_programs(model.string(), programs, common));
  }
  ProgressLine progress(common);
  auto report = simulate::run_text(programs, tokenizer, content, options, progress.sink());
  if (!report.ok() && report.error().code == ErrorCode::invalid_argument)
    return std::move(report).in(text).error();
  if (!report.ok()) return std::move(report).error();
  return std::optional(std::move(report).value());
}

}  // namespace anemone::tools
