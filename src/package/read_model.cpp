#include "package/read_model.h"

#include <algorithm>
#include <iterator>

#include "package/read_program.h"
#include "package/wire_fields.h"

namespace anemone::package {
namespace {

struct ModelKind {
  uint32_t number;
  const char* name;
};
/// The `Type` of Model.proto, ML Programs apart.
constexpr ModelKind kKinds[] = {
    {200, "pipelineClassifier"},
    {201, "pipelineRegressor"},
    {202, "pipeline"},
    {300, "glmRegressor"},
    {301, "supportVectorRegressor"},
    {302, "treeEnsembleRegressor"},
    {303, "neuralNetworkRegressor"},
    {304, "bayesianProbitRegressor"},
    {400, "glmClassifier"},
    {401, "supportVectorClassifier"},
    {402, "treeEnsembleClassifier"},
    {403, "neuralNetworkClassifier"},
    {404, "kNearestNeighborsClassifier"},
    {500, "neuralNetwork"},
    {501, "itemSimilarityRecommender"},
    {555, "customModel"},
    {556, "linkedModel"},
    {560, "classConfidenceThresholding"},
    {600, "oneHotEncoder"},
    {601, "imputer"},
    {602, "featureVectorizer"},
    {603, "dictVectorizer"},
    {604, "scaler"},
    {606, "categoricalMapping"},
    {607, "normalizer"},
    {609, "arrayFeatureExtractor"},
    {610, "nonMaximumSuppression"},
    {900, "identity"},
    {2000, "textClassifier"},
    {2001, "wordTagger"},
    {2002, "visionFeaturePrint"},
    {2003, "soundAnalysisPreprocessing"},
    {2004, "gazetteer"},
    {2005, "wordEmbedding"},
    {2006, "audioFeaturePrint"},
    {3000, "serializedModel"},
};

}  // namespace

std::string model_kind_name(uint32_t number) {
  const auto known = std::ranges::find(kKinds, number, &ModelKind::number);
  return known != std::end(kKinds) ? known->name : fmt::format("model kind {}", number);
}

Result<ModelFile> read_model(std::string_view file, const mil::BlobLoader& blobs) {
  ModelFile model;
  std::optional<Message> program;
  uint32_t other_kind = 0;
  ANEMONE_RETURN_IF_ERROR(
      read_fields(whole_message(file, "Model"), [&](const Field& field) -> Status {
        switch (field.number()) {
          case wire::Model::specificationVersion: {
            ANEMONE_TRY(model.specification_version, field.integer());
            return {};
          }
          case wire::Model::description: {
            ANEMONE_TRY(const Message message, field.message("ModelDescription"));
            ANEMONE_TRY(model.description, read_description(message));
            return {};
          }
          case wire::Model::mlProgram: {
            ANEMONE_TRY(program, field.message("Program"));
            return {};
          }
        }
        constexpr uint32_t kFirstKind = 200;
        if (field.number() >= kFirstKind) other_kind = field.number();
        return field.skip(), Status();
      }));
  if (!program && other_kind != 0)
    return fail(ErrorCode::unsupported, "the model is a {}; only ML Programs can be read",
                model_kind_name(other_kind));
  if (!program)
    return fail(ErrorCode::corrupt, "{} bytes hold no model, expected an ML Program", file.size());
  auto read = read_program(*program, blobs);
  if (!read.ok()) return std::move(read).in("program").error();
  model.program = std::move(read).value();
  return model;
}

}  // namespace anemone::package
