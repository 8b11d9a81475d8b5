#pragma once

#include <filesystem>
#include <string_view>

#include "anemone/convert.h"
#include "convert/layouts.h"

/// From the options of a conversion to what it will do.
namespace anemone::converter {

/// Errors: unsupported.
Result<const Layout*> find_layout(std::string_view name);

/// Errors: invalid_argument when an option is given that would change nothing.
Status check_options(const Layout& layout, const ConvertOptions& options);

/// What is not given is chosen: the context from the model, one prefill block from the context.
/// Errors: invalid_argument, or those of compress::Spec::parse and chunk_limit.
Result<Settings> settings_for(const Layout& layout, const ConvertOptions& options,
                              const models::Decoder& decoder, const std::filesystem::path& out);

}  // namespace anemone::converter
