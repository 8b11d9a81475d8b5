#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "ane/open_model.h"

/// Models of programs that tests write down.
namespace anemone::ane {

/// A package of these functions; its default function is the first.
inline std::unique_ptr<ModelView> view_of_text(const std::string& body) {
  auto program = mil::parse("program(1.3)\n{\n" + body + "\n}");
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package::Package package;
  package.program = *std::move(program);
  package.default_function = package.program.functions.front().name;
  return view_of(package);
}

}  // namespace anemone::ane
