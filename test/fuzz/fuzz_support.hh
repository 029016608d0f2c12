// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/header_list.hh"

#include <cstddef>
#include <cstdint>
#include <string_view>

/// What the fuzz targets share. Each takes octets, and stops the process where something that must
/// hold for all input does not.
namespace sluice::fuzz {

/// Stops the process unless it holds.
void require(bool holds);

struct MessageText {
    HeaderList headers;
    std::string_view body;
};

/// The octets as an MTA would hand them over: fields up to the first empty line, then the body.
/// What is no field has an empty name.
MessageText messageOf(std::string_view octets);

inline std::string_view textOf(const std::uint8_t* octets, std::size_t size) {
    return {reinterpret_cast<const char*>(octets), size};
}

} // namespace sluice::fuzz

/// libFuzzer's entry.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size);
