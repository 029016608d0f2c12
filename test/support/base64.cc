// SPDX-License-Identifier: BSD-2-Clause
#include "test/support/base64.hh"

#include <algorithm>
#include <cstdint>

namespace sluice::mta {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t groupOctets = 3;
constexpr std::size_t groupCharacters = 4;

std::string encodeGroup(std::string_view octets) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < groupOctets; ++i)
        bits = (bits << 8U) | (i < octets.size() ? static_cast<unsigned char>(octets[i]) : 0U);
    std::string text(groupCharacters, '=');
    for (std::size_t i = 0; i <= octets.size(); ++i)
        text[i] = alphabet[(bits >> (18U - 6U * i)) & 0x3fU];
    return text;
}

std::optional<std::string> decodeGroup(std::string_view text) {
    const auto digits = std::min(text.find('='), text.size());
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < groupCharacters; ++i) {
        const auto value = i < digits ? alphabet.find(text[i]) : 0;
        if (value == std::string_view::npos)
            return std::nullopt;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    }
    std::string octets;
    for (std::size_t i = 0; i + 1 < digits; ++i)
        octets += static_cast<char>((bits >> (16U - 8U * i)) & 0xffU);
    return octets;
}

} // namespace

std::string encodeBase64(std::string_view octets) {
    std::string text;
    text.reserve((octets.size() / groupOctets + 1) * groupCharacters);
    for (; !octets.empty(); octets.remove_prefix(std::min(groupOctets, octets.size())))
        text += encodeGroup(octets.substr(0, groupOctets));
    return text;
}

std::optional<std::string> decodeBase64(std::string_view text) {
    std::string octets;
    octets.reserve(text.size() / groupCharacters * groupOctets);
    for (auto left = text; !left.empty();
         left.remove_prefix(std::min(groupCharacters, left.size()))) {
        const auto group = decodeGroup(left.substr(0, groupCharacters));
        if (!group)
            return std::nullopt;
        octets += *group;
    }
    if (encodeBase64(octets) != text)
        return std::nullopt;
    return octets;
}

} // namespace sluice::mta
