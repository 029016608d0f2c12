// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/loop_detector.hh"

#include "common/text.hh"
#include "milter/policy/loop_blocks.hh"
#include "milter/policy/message_template.hh"
#include "milter/policy/trace_stamp.hh"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace sluice {

/// The message as the end of the chain that its references tell.
struct LoopDetector::Chain {
    std::optional<StoreKey> key; ///< of its Message-ID
    StoreKey copy;
    ChainLink link;
    bool referring = false;     ///< it names a message that is remembered
    bool answersItself = false; ///< its author answers a post of their own, with the same text
    bool parentAutomatic = false;
    bool parentPrompt = false;
    bool parentRepeats = false; ///< the text of what it answers was in the chain before
};

namespace {

using Kind = KeyHasher::Kind;
using Links = std::vector<std::optional<KnownLink>>;

constexpr std::uint16_t deepest = 60'000;

const MailAddress& authorOf(const LoopMessage& message) {
    return message.author.isNull() ? message.sender : message.author;
}

std::string_view octetsOf(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::vector<std::string> keysOf(const std::vector<MailAddress>& addresses) {
    std::vector<std::string> keys;
    keys.reserve(addresses.size());
    for (const MailAddress& address : addresses)
        keys.push_back(address.keyWithoutExtension());
    return keys;
}

/// The last ids of a References or In-Reply-To value, each with its `<>`, the last first.
std::vector<std::string_view> lastIds(std::string_view value, std::size_t most) {
    std::vector<std::string_view> ids;
    while (ids.size() < most) {
        const std::size_t close = value.rfind('>');
        if (close == std::string_view::npos)
            break;
        value = value.substr(0, close + 1);
        const std::size_t open = value.rfind('<');
        if (open == std::string_view::npos)
            break;
        ids.push_back(value.substr(open));
        value = value.substr(0, open);
    }
    return ids;
}

/// The chain behind a message, without its own template.
Templates earlierOf(const ChainLink& link) {
    Templates earlier = link.templates;
    earlier[0] = 0;
    return earlier;
}

bool has(const Templates& templates, std::uint64_t wanted) {
    return wanted != 0 && std::find(templates.begin(), templates.end(), wanted) != templates.end();
}

/// `parent`'s chain with `own` put in front.
Templates continued(std::uint64_t own, const Templates& parent) {
    Templates templates;
    templates[0] = own;
    std::copy_n(parent.begin(), parent.size() - 1, templates.begin() + 1);
    return templates;
}

} // namespace

StoreKey LoopDetector::messageKey(const std::string& messageId) const {
    return hasher_.key(Kind::message, {messageId});
}

StoreKey LoopDetector::copyKey(const LoopMessage& message) const {
    const auto sizeClass = std::to_string(std::bit_width(message.bodyOctets));
    // alarms of a panel that writes no Message-ID differ in little else
    const std::string unnamed =
        message.messageId.empty() ? fmt::format("{}\n{}", message.date, message.subject) : "";
    return hasher_.key(Kind::copy, {clientNetwork(message.client), message.sender.key(),
                                    sortedLines(keysOf(message.recipients)), message.messageId,
                                    sizeClass, octetsOf(message.bodyDigest), unnamed});
}

std::vector<StoreKey> LoopDetector::referencesOf(const LoopMessage& message) const {
    std::vector<std::string> ids;
    const auto add = [&](std::string id) {
        const bool fresh = !id.empty() && id != message.messageId &&
                           std::find(ids.begin(), ids.end(), id) == ids.end();
        if (fresh && ids.size() < maxReferences)
            ids.push_back(std::move(id));
    };
    add(message.reportedMessageId);
    for (const std::string_view id : lastIds(message.references, 2 * maxReferences))
        add(canonicalMessageId(id));
    std::vector<StoreKey> keys;
    keys.reserve(ids.size());
    for (const std::string& id : ids)
        keys.push_back(messageKey(id));
    return keys;
}

std::optional<Links> LoopDetector::ancestorsOf(Store& store, const LoopMessage& message,
                                               SteadyTime now) const {
    const std::vector<StoreKey> references = referencesOf(message);
    return references.empty() ? Links() : store.findMessages(references, now);
}

/// A program does so that gets its own words back from a list and does not say what it is. People
/// don't, a monitor that threads its messages says that it is one, and in a series of patches only
/// the numbers may differ.
bool LoopDetector::answersItself(const LoopMessage& message, const ChainLink& own,
                                 const Links& ancestors) {
    if (message.lists.empty() || ancestors.empty())
        return false;
    const auto& answered = ancestors.front();
    const bool alike = answered && answered->age <= conversationPause &&
                       answered->link.author == own.author && own.templates[0] != 0 &&
                       answered->link.templates[0] == own.templates[0];
    if (!alike || message.automatic)
        return alike && message.reaction;
    return messageTemplate(message.text).find('#') == std::string::npos;
}

bool LoopDetector::follows(const Chain& chain, const KnownLink& ancestor, bool toList) const {
    const ChainLink& link = ancestor.link;
    const bool automatic = chain.link.automatic || link.automatic || link.chainAutomatic;
    const auto pause = automatic
                           ? std::max<std::chrono::seconds>(settings_.memory, automaticMemory)
                           : std::min<std::chrono::seconds>(settings_.memory, conversationPause);
    // on a list a third may answer, and a fourth
    const bool answers =
        toList || link.previousAuthor == 0 || link.previousAuthor == chain.link.author;
    return ancestor.age <= pause && (answers || automatic);
}

LoopDetector::Chain LoopDetector::chainOf(const LoopMessage& message,
                                          const Links& ancestors) const {
    Chain chain;
    chain.copy = copyKey(message);
    if (!message.messageId.empty())
        chain.key = messageKey(message.messageId);
    chain.link.automatic = message.automatic;
    chain.link.author = hasher_.tag(Kind::author, {authorOf(message).keyWithoutExtension()});
    const std::string text = messageTemplate(message.text);
    if (message.automatic || text.size() >= shortestTemplate)
        chain.link.templates[0] = hasher_.tag(Kind::text, {text});
    chain.answersItself = answersItself(message, chain.link, ancestors);
    // The nearest that is remembered and that somebody else wrote: an older one says nothing of
    // what caused this.
    const auto parent = std::find_if(ancestors.begin(), ancestors.end(), [&](const auto& ancestor) {
        return ancestor && ancestor->link.author != chain.link.author;
    });
    chain.referring = parent != ancestors.end();
    if (!chain.referring || !follows(chain, **parent, !message.lists.empty()))
        return chain;
    const ChainLink& before = (*parent)->link;
    chain.link.previousAuthor = before.author;
    chain.link.depth = static_cast<std::uint16_t>(std::min(before.depth, deepest) + 1);
    chain.link.chainAutomatic = before.automatic || before.chainAutomatic;
    chain.link.templates = continued(chain.link.templates[0], before.templates);
    chain.parentAutomatic = before.automatic;
    chain.link.prompt = !message.lists.empty() && (*parent)->age <= promptReply;
    chain.parentPrompt = before.prompt;
    chain.parentRepeats = has(earlierOf(before), before.templates[0]);
    return chain;
}

EndOfMessageQuestion LoopDetector::questionOf(const LoopMessage& message,
                                              const Chain& chain) const {
    const auto longer = std::max<std::chrono::seconds>(settings_.memory, automaticMemory);
    const ChainLink& link = chain.link;
    EndOfMessageQuestion question;
    question.client = hasher_.tag(Kind::client, {clientNetwork(message.client)});
    if (chain.key)
        question.message = {*chain.key, link,
                            link.automatic || link.chainAutomatic ? longer : settings_.memory};
    if (message.recipients.size() <= maxRowRecipients) {
        auto party = keysOf(message.parties.empty() ? message.recipients : message.parties);
        party.push_back(authorOf(message).keyWithoutExtension());
        // without a Message-ID two programs with constant texts would look like retries
        const auto message32 =
            chain.key ? static_cast<std::uint32_t>(chain.key->low ^ link.author) : 0U;
        question.row = {hasher_.key(Kind::turn, {sortedLines(std::move(party)),
                                                 normalisedSubject(message.subject)}),
                        {link.author, message32, link.depth, chain.referring, link.automatic,
                         message.reaction, link.chainAutomatic, link.templates, chain.parentPrompt},
                        std::min<std::chrono::seconds>(settings_.memory, conversationPause)};
    }
    if (settings_.duplicates != DuplicateMode::off)
        question.copy = {chain.copy, settings_.memory};
    const PostState state{
        static_cast<std::uint32_t>(std::min<std::uint64_t>(message.receivedLines, UINT32_MAX)),
        message.stamps.empty() ? 0 : hasher_.tag(Kind::stamps, {message.stamps})};
    for (const MailAddress& list : message.lists)
        if (chain.key && question.posts.size() < maxListsExamined)
            question.posts.push_back({hasher_.key(Kind::list, {list.key()}), state});
    return question;
}

void LoopDetector::climb(const Chain& chain, const TurnAnswer& row, LoopOutcome& outcome) const {
    const ChainLink& link = chain.link;
    const bool automaticBefore = link.chainAutomatic || row.chainAutomatic;
    // A person who answers a program is no loop, and neither is one who always thanks in the same
    // words: the other side must be a program that says so, or repeat itself as well. It has no
    // chance to within a depth of 2, and on a list there may be many others.
    const bool bothAutomatic = link.automatic && (chain.parentAutomatic || row.otherAutomatic);
    const bool oneSuffices = bothAutomatic || settings_.depth < 3;
    const unsigned limit =
        std::max(1U, settings_.depth - (bothAutomatic && settings_.depth > 0 ? 1U : 0U));
    const bool inChain = has(earlierOf(link), link.templates[0]);
    outcome.depth = std::max(link.depth, row.turns);
    if (chain.answersItself) {
        outcome.step = LoopStep::loop;
        outcome.reason = "its author answers their own post to the list with the same text";
    } else if (link.prompt && row.again) { // whichever of its answers came first
        outcome.step = LoopStep::loop;
        outcome.reason =
            "answers at once, with the same text as before, what was posted to the list "
            "as an answer at once";
    } else if (inChain && link.depth > limit &&
               (chain.parentRepeats || link.prompt || oneSuffices)) {
        outcome.step = LoopStep::loop;
        outcome.reason = fmt::format("message {} of a chain of answers that holds its text already "
                                     "(limit {})",
                                     link.depth, limit);
    } else if (row.repeated && row.turns > limit && (row.otherRepeated || oneSuffices)) {
        outcome.step = LoopStep::loop;
        outcome.reason = fmt::format("turn {} between the same addresses about the same subject, "
                                     "with texts that repeat (limit {})",
                                     row.turns, limit);
    } else if (outcome.depth > 1 &&
               ((inChain && link.depth == limit) || (row.repeated && row.turns == limit))) {
        outcome.step =
            link.automatic || automaticBefore ? LoopStep::markAndNullSender : LoopStep::mark;
        outcome.reason = fmt::format("message {} of a chain that holds its text already", limit);
    }
}

LoopOutcome LoopDetector::examine(Store& store, const LoopMessage& message, SteadyTime now) const {
    const auto ancestors = ancestorsOf(store, message, now);
    Chain chain = chainOf(message, ancestors ? *ancestors : Links());
    EndOfMessageQuestion question = questionOf(message, chain);
    question.searched = !ancestors || !ancestors->empty();
    const auto answer = store.endOfMessage(question, now);
    LoopOutcome outcome;
    outcome.storeDown = !ancestors || !answer;
    if (!answer)
        return outcome;
    if (question.copy) {
        outcome.copy = question.copy->key;
        outcome.copies = answer->copy;
        outcome.duplicate = judgeCopy(settings_.duplicates, answer->copy);
    }
    outcome.retry = answer->known && answer->known->link.author == chain.link.author;
    if (outcome.retry)
        chain.link = answer->known->link;
    for (std::size_t i = 0; i < std::min(question.posts.size(), answer->posts.size()); ++i)
        if (answer->posts[i] && cameBack(*answer->posts[i], question.posts[i].state))
            outcome.cameBackTo.push_back(message.lists[i]);
    climb(chain, answer->row, outcome);
    return outcome;
}

} // namespace sluice
