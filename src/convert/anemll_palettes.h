#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anemone/compress.h"
#include "anemone/package.h"
#include "compress/scheme.h"

/// What packages of ANEMLL say of their palettes, after they were compressed. Bits are always those
/// of an index, as ANEMLL counts them: 8 of lut8:g4:v2, which has 4 a weight.
namespace anemone::converter {

/// The palettes that most elements of these weights have; nothing where none has one. `part`: of
/// weights of this part alone.
std::optional<compress::PaletteSize> palette_of(const std::vector<CompressedWeight>& weights,
                                                std::string_view part = {});

/// Adds com.anemll.lut_bits to the metadata of a package of ANEMLL that says no number there.
void record_palette(const std::vector<CompressedWeight>& weights,
                    std::map<std::string, std::string>& metadata);

/// The text of a meta.yaml with lut_… of each package as `weights` have them by their `package`
/// (relative to the directory); numbers that are there stay, for so do earlier palettes. Where it
/// does not name its files, whose names ANEMLL's tools would build from these numbers, it does now.
/// Nothing where there is nothing to say. Errors: mismatch (lines that are not as ANEMLL writes
/// them, with what they ought to say).
Result<std::optional<std::string>> meta_with_palettes(const package::AnemllDirectory& directory,
                                                      std::string_view text,
                                                      const std::vector<CompressedWeight>& weights);

}  // namespace anemone::converter
