// SPDX-License-Identifier: BSD-2-Clause
#include "common/address_pattern.hh"

#include "common/attribute_pool.hh"
#include "common/domain_name.hh"
#include "common/text.hh"

#include <algorithm>
#include <array>
#include <memory_resource>
#include <unordered_map>
#include <utility>

namespace sluice {

namespace {

using Kind = AddressPattern::Kind;

bool isInOrBelow(std::string_view domain, std::string_view parent) {
    if (!domain.ends_with(parent))
        return false;
    return domain.size() == parent.size() || domain[domain.size() - parent.size() - 1] == '.';
}

bool isKeyOf(std::string_view key, const MailAddress& address) {
    const std::size_t localSize = address.local().size();
    return key.size() == localSize + 1 + address.domain().size() &&
           key.starts_with(address.local()) && key[localSize] == '@' &&
           key.ends_with(address.domain());
}

/// The key without its allocation, unless the address is longer than an honest one.
class LookUpKey {
public:
    explicit LookUpKey(const MailAddress& address) {
        const std::size_t size = address.local().size() + 1 + address.domain().size();
        if (size > short_.size()) {
            long_ = address.key();
            view_ = long_;
            return;
        }
        char* end = std::copy(address.local().begin(), address.local().end(), short_.data());
        *end++ = '@';
        std::copy(address.domain().begin(), address.domain().end(), end);
        view_ = {short_.data(), size};
    }
    LookUpKey(const LookUpKey&) = delete;
    LookUpKey& operator=(const LookUpKey&) = delete;
    [[nodiscard]] std::string_view view() const { return view_; }

private:
    std::array<char, 384> short_; // NOLINT(*-member-init): filled as far as view_ reaches
    std::string long_;
    std::string_view view_;
};

Result<AddressPattern> asPattern(Kind kind, Result<std::string> key) {
    return std::move(key).map([kind](std::string&& text) {
        return AddressPattern{kind, std::move(text)};
    });
}

Result<AddressPattern> parseAddressPattern(std::string_view text) {
    return MailAddress::parse(text).map([](const MailAddress& address) {
        return AddressPattern{Kind::address, address.key()};
    });
}

Result<AddressPattern> parseAnyPattern(std::string_view text) {
    if (text == "<>")
        return AddressPattern{Kind::blank, {}};
    if (text.starts_with("@."))
        return asPattern(Kind::domainAndBelow, parseDomain(text.substr(2)));
    if (text.starts_with('@'))
        return asPattern(Kind::domain, parseMailDomain(text.substr(1)));
    if (text.starts_with("*@"))
        return asPattern(Kind::domain, parseMailDomain(text.substr(2)));
    if (text.ends_with('@'))
        return asPattern(Kind::localPart, parseLocalPart(text.substr(0, text.size() - 1)));
    return parseAddressPattern(text);
}

std::string addressText(const std::string& key) {
    const std::size_t at = key.rfind('@');
    const std::string local = key.substr(0, at);
    const std::string domain = key.substr(at + 1);
    // without quotes this local part would mean everyone in the domain
    return local == "*" ? "\"*\"@" + domain : MailAddress(local, domain).text();
}

} // namespace

Result<AddressPattern> AddressPattern::parse(std::string_view text) {
    auto pattern = parseAnyPattern(text);
    if (!pattern)
        return fail(quoteForDisplay(text) + " is no address pattern: " + pattern.error().message);
    return pattern;
}

bool AddressPattern::matches(const MailAddress& address) const {
    switch (kind) {
    case Kind::address:
        return isKeyOf(key, address);
    case Kind::domain:
        return !address.domain().empty() && address.domain() == key;
    case Kind::domainAndBelow:
        return !address.domain().empty() && isInOrBelow(address.domain(), key);
    case Kind::localPart:
        return !address.local().empty() && address.local() == key;
    case Kind::blank:
        return address.isNull();
    }
    return false;
}

std::string AddressPattern::text() const {
    switch (kind) {
    case Kind::address:
        return addressText(key);
    case Kind::domain:
        return '@' + key;
    case Kind::domainAndBelow:
        return "@." + key;
    case Kind::localPart:
        return (key == "*" ? "\"*\"" : MailAddress(key, {}).text()) + '@';
    case Kind::blank:
        return "<>";
    }
    return {};
}

/// One table a kind. Nodes and keys lie side by side in one arena, since a million entries are
/// common.
struct PatternSet::Tables {
    using Table = std::pmr::unordered_map<std::string_view, AttributePool::Index>;

    struct Found {
        Kind kind;
        std::string_view key;
        AttributePool::Index attributes;
    };

    std::pmr::monotonic_buffer_resource arena;
    std::array<Table, 5> byKind{Table(&arena), Table(&arena), Table(&arena), Table(&arena),
                                Table(&arena)};
    AttributePool attributes;

    Table& of(Kind kind) { return byKind[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const Table& of(Kind kind) const {
        return byKind[static_cast<std::size_t>(kind)];
    }

    std::string_view keep(std::string_view key);
    void add(Kind kind, std::string_view key, AttributePool::Index index);
    [[nodiscard]] std::optional<Found> find(Kind kind, std::string_view key, CivilDay today) const;
    [[nodiscard]] std::optional<Found> findDomain(std::string_view domain, CivilDay today) const;
    [[nodiscard]] std::optional<Found> find(const MailAddress& address, CivilDay today) const;
};

std::string_view PatternSet::Tables::keep(std::string_view key) {
    if (key.empty())
        return {};
    auto* copy = static_cast<char*>(arena.allocate(key.size(), 1));
    key.copy(copy, key.size());
    return {copy, key.size()};
}

void PatternSet::Tables::add(Kind kind, std::string_view key, AttributePool::Index index) {
    // kept before it is known to be new: a second search would cost more than the rare duplicate
    const auto place = of(kind).try_emplace(keep(key), index).first;
    if (attributes[index].outlasts(attributes[place->second]))
        place->second = index;
}

std::optional<PatternSet::Tables::Found> PatternSet::Tables::find(Kind kind, std::string_view key,
                                                                  CivilDay today) const {
    const Table& table = of(kind);
    const auto place = table.empty() ? table.end() : table.find(key);
    if (place == table.end() || attributes[place->second].expiredOn(today))
        return std::nullopt;
    return Found{kind, place->first, place->second};
}

std::optional<PatternSet::Tables::Found> PatternSet::Tables::findDomain(std::string_view domain,
                                                                        CivilDay today) const {
    if (domain.empty())
        return std::nullopt;
    if (const auto found = find(Kind::domain, domain, today))
        return found;
    for (;;) {
        // no entry is longer, so that a made-up name of many labels costs no more than a real one
        if (domain.size() <= longestDomain)
            if (const auto found = find(Kind::domainAndBelow, domain, today))
                return found;
        const std::size_t dot = domain.find('.');
        if (dot == std::string_view::npos)
            return std::nullopt;
        domain.remove_prefix(dot + 1);
    }
}

std::optional<PatternSet::Tables::Found> PatternSet::Tables::find(const MailAddress& address,
                                                                  CivilDay today) const {
    if (address.isNull())
        return find(Kind::blank, {}, today);
    if (const auto found = find(Kind::address, LookUpKey(address).view(), today))
        return found;
    if (!address.local().empty())
        if (const auto found = find(Kind::localPart, address.local(), today))
            return found;
    return findDomain(address.domain(), today);
}

PatternSet::PatternSet() : tables_(std::make_unique<Tables>()) {}
PatternSet::~PatternSet() = default;
PatternSet::PatternSet(PatternSet&&) noexcept = default;
PatternSet& PatternSet::operator=(PatternSet&&) noexcept = default;

void PatternSet::add(const AddressPattern& pattern, EntryAttributes attributes) {
    const AttributePool::Index index = tables_->attributes.intern(std::move(attributes));
    tables_->add(pattern.kind, pattern.key, index);
}

std::optional<PatternSet::Match> PatternSet::find(const MailAddress& address,
                                                  CivilDay today) const {
    const auto found = tables_->find(address, today);
    if (!found)
        return std::nullopt;
    return Match{{found->kind, std::string(found->key)}, tables_->attributes[found->attributes]};
}

bool PatternSet::contains(const MailAddress& address, CivilDay today) const {
    return tables_->find(address, today).has_value();
}

std::size_t PatternSet::size() const {
    std::size_t entries = 0;
    for (const auto& table : tables_->byKind)
        entries += table.size();
    return entries;
}

} // namespace sluice
