#include "mil/op.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace anemone::mil {
namespace {

TEST(OpTable, IsSortedSoThatEveryOpIsFound) {
  for (const OpDef* op : all_ops()) EXPECT_EQ(find_op(op->name), op) << op->name;
  EXPECT_EQ(find_op("fold_time"), nullptr);
  EXPECT_EQ(find_op(""), nullptr);
}

TEST(OpTable, EveryEntryIsComplete) {
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(op->name);
    EXPECT_EQ(op->infer == nullptr, op->kind == OpKind::control);
    EXPECT_EQ(op->eval != nullptr, op->kind == OpKind::plain);
    EXPECT_TRUE(op->doc.ends_with('.'));
    EXPECT_TRUE((std::set{15, 16, 17, 18, 26}.contains(op->first_opset)));
    std::set<std::string_view> names;
    for (const Parameter& parameter : op->parameters) {
      EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
      EXPECT_NE(parameter.name, "name") << "is the operation's own attribute";
    }
  }
}

}  // namespace
}  // namespace anemone::mil
