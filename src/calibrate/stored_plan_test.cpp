#include "calibrate/stored_plan.h"

#include <gtest/gtest.h>

#include "compress/spec.h"
#include "support/scratch_folder.h"

namespace anemone::calibrate {
namespace {

compress::FoundWeight found(const char* name, int opset) {
  compress::FoundWeight found;
  found.name = name;
  found.part = compress::Part::ffn;
  found.weight.opset = opset;
  return found;
}

TEST(StoredPlan, AWeightOfTwoSystemsHasAChoiceForEach) {
  const test::ScratchFolder folder;
  auto store = ResultStore::open(folder.path(), "origin");
  ASSERT_TRUE(store.ok()) << store.error().to_string();
  const auto newer = compress::Spec::parse("lut4:g16");
  const auto older = compress::Spec::parse("int8:channel");
  const compress::Scheme* const of_newer = newer->scheme(compress::Part::ffn);
  const compress::Scheme* const of_older = older->scheme(compress::Part::ffn);
  const StoredPlan plan(*std::move(store),
                        {{{"p", "up", 18}, of_newer}, {{"p", "up", 16}, of_older}}, "4 bits");
  EXPECT_EQ(*plan.scheme("p", found("up", 18), nullptr), of_newer);
  EXPECT_EQ(*plan.scheme("p", found("up", 16), nullptr), of_older);
  EXPECT_EQ(plan.scheme("p", found("up", 17), nullptr).error().code, ErrorCode::mismatch);
}

}  // namespace
}  // namespace anemone::calibrate
