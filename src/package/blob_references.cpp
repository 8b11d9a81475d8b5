#include "package/blob_references.h"

#include "package/program_values.h"

namespace anemone::package {

BlobReferences blob_references(const mil::Program& program) {
  BlobReferences references;
  for_each_value(program, [&](const mil::Value& value, ValuePlace) {
    if (value.blob) references.insert(*value.blob);
  });
  return references;
}

}  // namespace anemone::package
