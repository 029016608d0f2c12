// SPDX-License-Identifier: BSD-2-Clause
#include "common/keyring.hh"

#include "common/base32.hh"
#include "common/secret_file.hh"
#include "common/text.hh"
#include "common/words.hh"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>

namespace sluice {
namespace {

constexpr std::size_t randomIdOctets = 5; // 8 digits
constexpr std::size_t secretDigits = 2 * Key::octets;
/// What is longer may be a secret at the wrong place.
constexpr std::size_t longestShownId = 12;

/// The kernel gives as many octets at once as are asked for here, or none.
void fillRandomly(std::span<std::uint8_t> octets) {
    while (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size()))
        if (errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "getrandom");
}

bool isKeyId(std::string_view id) {
    return id.size() <= Key::longestId && isBase32(id) && id == toLowerAscii(id);
}

std::string shownId(std::string_view id) {
    return id.size() > longestShownId ? fmt::format("a word of {} octets", id.size())
                                      : quoteForDisplay(id);
}

std::optional<std::uint8_t> hexValue(char c) {
    const std::size_t at = std::string_view("0123456789abcdef").find(lowerAscii(c));
    if (at == std::string_view::npos)
        return std::nullopt;
    return static_cast<std::uint8_t>(at);
}

/// Errors tell what is wrong with the digits, and show none.
Result<void> readSecret(std::string_view hex, Key& key) {
    if (hex.size() != secretDigits)
        return fail(fmt::format("{} has {} characters in place of {} hexadecimal digits",
                                shownId(key.id), hex.size(), secretDigits));
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        const auto high = hexValue(hex[at]);
        const auto low = hexValue(hex[at + 1]);
        if (!high || !low)
            return fail(fmt::format("character {} of the secret of {} is no hexadecimal digit",
                                    at + (high ? 2 : 1), shownId(key.id)));
        key.secret.at(at / 2) = static_cast<std::uint8_t>(*high << 4U | *low);
    }
    return {};
}

Result<Key> parseKey(std::string_view line) {
    const std::size_t idEnd = line.find_first_of(" \t");
    Key key;
    key.id = line.substr(0, idEnd);
    if (!isKeyId(key.id))
        return fail(fmt::format("{} is no id of a key (1 to {} of a-z and 2-7)", shownId(key.id),
                                Key::longestId));
    if (idEnd == std::string_view::npos)
        return fail(fmt::format("the secret of {} is missing", shownId(key.id)));
    if (auto read = readSecret(trim(line.substr(idEnd)), key); !read)
        return tl::unexpected(read.error());
    return key;
}

bool holds(const std::vector<Key>& keys, std::string_view id) {
    return std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return key.id == id; });
}

} // namespace

Key Key::random() {
    std::array<std::uint8_t, randomIdOctets> id{};
    Key key;
    fillRandomly(id);
    fillRandomly(key.secret);
    key.id = encodeBase32(id);
    return key;
}

std::string Key::line() const {
    return fmt::format("{} {:02x}", id, fmt::join(secret, ""));
}

Keyring::Keyring(std::vector<Key> keys) : keys_(std::move(keys)) {
    for (Key& key : keys_)
        key.hmac.emplace(key.secret);
}

Result<Keyring> Keyring::parse(std::string_view text) {
    std::vector<Key> keys;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const std::string_view content = withoutComment(line);
        if (content.empty())
            continue;
        auto key = parseKey(content);
        if (!key)
            return fail(fmt::format("line {}: {}", number, key.error().message));
        if (holds(keys, key->id))
            return fail(fmt::format("line {}: the id {} comes twice", number, shownId(key->id)));
        keys.push_back(std::move(*key));
    }
    if (keys.empty())
        return fail("holds no key (make one with sluicectl keys new)");
    return Keyring(std::move(keys));
}

Result<Keyring> Keyring::read(const std::string& path) {
    const auto text = readSecretFile(path);
    if (!text)
        return tl::unexpected(text.error());
    auto keyring = parse(*text);
    if (!keyring)
        return fail(fmt::format("{}: {}", escapeForDisplay(path), keyring.error().message));
    return keyring;
}

Keyring Keyring::random() {
    return Keyring({Key::random()});
}

const Key* Keyring::accepted(std::string_view id) const {
    const auto end =
        keys_.begin() + static_cast<std::ptrdiff_t>(std::min(keys_.size(), acceptedKeys));
    const auto found =
        std::find_if(keys_.begin(), end, [&](const Key& key) { return key.id == id; });
    return found == end ? nullptr : &*found;
}

} // namespace sluice
