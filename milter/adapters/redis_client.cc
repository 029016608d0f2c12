// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_client.hh"

#include "common/log.hh"
#include "common/text.hh"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t maxKnownNodes = 2048;
constexpr int maxRounds = 4; ///< a script that is new, behind two redirections
constexpr milliseconds tick{100};
/// No oftener, however much goes wrong.
constexpr milliseconds discoverAgain{250};
/// A map may grow old without an error.
constexpr std::chrono::seconds mapLifetime{30};
constexpr milliseconds startPatience{500};
constexpr const char* oddAnswer = "an answer to something else";
constexpr std::uint64_t probeKeysTried = 200'000;
constexpr std::chrono::minutes logInterval{1};

bool isRedirection(std::string_view error) {
    return error.starts_with("MOVED ") || error.starts_with("ASK ");
}

void blockSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace

struct RedisClient::Task {
    const RedisCommand* command;
    NodePointer node;
    bool asking = false; ///< the node does not own the slot yet
    bool inFull = false; ///< it does not know the script
    std::optional<RedisReply> reply{};

    Result<void> append(RedisConnection& connection) const {
        if (asking)
            if (auto appended = connection.append({"ASKING"}); !appended)
                return appended;
        RedisWords words;
        words.reserve(command->words.size() + 3);
        if (command->script != nullptr) {
            words.emplace_back(inFull ? "EVAL" : "EVALSHA");
            words.emplace_back(inFull ? command->script->text : command->script->sha1);
            words.emplace_back("1");
        }
        words.insert(words.end(), command->words.begin(), command->words.end());
        return connection.append(words);
    }
};

RedisClient::RedisClient(RedisSettings settings) : settings_(std::move(settings)) {
    housekeeper_ = std::thread([this] { keepHouse(); });
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, startPatience, [this] { return view_.get() != nullptr; });
}

RedisClient::~RedisClient() {
    {
        const std::lock_guard guard(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    housekeeper_.join();
}

Result<std::vector<RedisReply>> RedisClient::run(const std::vector<RedisCommand>& commands,
                                                 SteadyTime deadline, RedisNode::Asking asking) {
    const auto view = view_.get();
    if (!view)
        return fail("no server is known yet");
    std::vector<Task> tasks;
    tasks.reserve(commands.size());
    for (const RedisCommand& command : commands)
        tasks.push_back({&command, view->nodes[view->map.nodeOf(command.key())]});
    for (int round = 0; round < maxRounds; ++round) {
        if (auto done = runOnce(tasks, deadline, asking); !done) {
            somethingIsWrong();
            return tl::unexpected(done.error());
        }
        if (std::all_of(tasks.begin(), tasks.end(),
                        [](const Task& task) { return task.reply.has_value(); })) {
            std::vector<RedisReply> replies;
            replies.reserve(tasks.size());
            for (Task& task : tasks)
                replies.push_back(std::move(*task.reply));
            return replies;
        }
    }
    somethingIsWrong();
    return fail("redirected again and again");
}

/// Sends what has no answer yet, to all nodes at once, then waits for the answers.
Result<void> RedisClient::runOnce(std::vector<Task>& tasks, SteadyTime deadline,
                                  RedisNode::Asking asking) {
    struct Conversation {
        NodePointer node;
        RedisNode::Lease lease;
        std::vector<Task*> tasks;
    };
    std::vector<Conversation> conversations;
    const auto failed = [&](RedisNode& node, const Error& error) {
        if (asking == RedisNode::Asking::work)
            node.failed(error.message);
        return fail(node.endpoint().text() + ": " + error.message);
    };
    for (Task& task : tasks) {
        if (task.reply)
            continue;
        auto with = std::find_if(conversations.begin(), conversations.end(),
                                 [&](const Conversation& one) { return one.node == task.node; });
        if (with == conversations.end()) {
            auto lease = task.node->connect(deadline, asking);
            if (!lease)
                return tl::unexpected(lease.error());
            conversations.push_back({task.node, std::move(*lease), {}});
            with = std::prev(conversations.end());
        }
        if (auto appended = task.append(*with->lease); !appended)
            return failed(*task.node, appended.error());
        with->tasks.push_back(&task);
    }
    for (Conversation& with : conversations)
        if (auto flushed = with.lease->flush(deadline); !flushed)
            return failed(*with.node, flushed.error());
    for (Conversation& with : conversations)
        for (Task* const task : with.tasks) {
            auto replies = with.lease->receive(task->asking ? 2 : 1, deadline);
            if (!replies)
                return failed(*with.node, replies.error());
            if (auto settled = settle(*task, std::move(replies->back())); !settled)
                return failed(*with.node, settled.error());
        }
    return {};
}

/// An answer, or what has to be done to get one.
Result<void> RedisClient::settle(Task& task, RedisReply reply) {
    const auto error = reply.value().error();
    if (!error) {
        task.reply = std::move(reply);
        return {};
    }
    if (error->starts_with("NOSCRIPT") && task.command->script != nullptr && !task.inFull) {
        task.inFull = true;
        return {};
    }
    if (error->starts_with("WRONGTYPE")) { // nothing is wrong with the server
        task.reply = std::move(reply);
        return {};
    }
    if (!isRedirection(*error))
        return fail(escapeForDisplay(*error));
    const auto target = redirectionOf(*error, task.node->endpoint());
    if (!target)
        return tl::unexpected(target.error());
    task.asking = error->starts_with("ASK ");
    task.node = nodeAt(*target);
    task.inFull = false;
    if (!task.asking)
        somethingIsWrong();
    return task.node ? Result<void>() : fail("too many servers");
}

/// Servers keep what is known of them, whether the map names them or not.
RedisClient::NodePointer RedisClient::nodeAt(const RedisEndpoint& endpoint) {
    auto known = known_.lock();
    const auto found = std::find_if(known->begin(), known->end(), [&](const NodePointer& node) {
        return node->endpoint() == endpoint;
    });
    if (found != known->end())
        return *found;
    if (known->size() >= maxKnownNodes)
        return nullptr;
    return known->emplace_back(std::make_shared<RedisNode>(endpoint, settings_));
}

std::vector<RedisNodeStatus> RedisClient::status() const {
    std::vector<RedisNodeStatus> found;
    if (const auto view = view_.get())
        for (const NodePointer& node : view->nodes)
            found.push_back({node->endpoint().text(), node->available(), node->trouble()});
    return found;
}

void RedisClient::distrust(const std::string& key) {
    if (const auto view = view_.get())
        view->nodes[view->map.nodeOf(key)]->failed(oddAnswer);
    somethingIsWrong();
}

void RedisClient::somethingIsWrong() {
    const std::lock_guard guard(mutex_);
    suspicious_ = true;
}

// --- the thread ---------------------------------------------------------------------------------

bool RedisClient::discoveryDue(SteadyTime::duration age) {
    const std::lock_guard guard(mutex_);
    const bool due = view_.get() == nullptr || age >= mapLifetime || suspicious_;
    if (!due || age < discoverAgain)
        return false;
    suspicious_ = false;
    return true;
}

void RedisClient::keepHouse() {
    blockSignals();
    SteadyTime discovered;
    for (;;) {
        try {
            if (discoveryDue(steady_clock::now() - discovered)) {
                discover();
                discovered = steady_clock::now();
            }
            tryUnavailable();
        } catch (const std::exception&) { // no memory: the next tick tries again
            somethingIsWrong();
        }
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, tick, [this] { return stopping_; }))
            return;
    }
}

/// Nobody knows where the servers are; once a minute at most.
void RedisClient::complain(const std::string& why) {
    const auto now = steady_clock::now();
    const bool lately = complained_ != SteadyTime() && now - complained_ < logInterval;
    lost_ = true;
    if (lately)
        return;
    complained_ = now;
    log::warning(LogCategory::store, "{}: not found: {}", settings_.url(), why);
}

void RedisClient::tellFound(const std::string& name) {
    if (std::exchange(lost_, false))
        log::info(LogCategory::store, "{}: found again", name);
}

void RedisClient::discover() {
    auto old = view_.get();
    auto map = discoverRedis(settings_, old ? old->map.nodes : std::vector<RedisEndpoint>());
    if (!map) {
        complain(map.error().message);
        somethingIsWrong(); // until somebody knows
        return;
    }
    const std::string name = settings_.url();
    if (old && old->map == *map)
        return tellFound(name);
    auto view = std::make_shared<View>();
    for (const RedisEndpoint& endpoint : map->nodes) {
        auto node = nodeAt(endpoint);
        if (!node) {
            if (old)
                forgetOthers(*old);
            somethingIsWrong();
            return;
        }
        view->nodes.push_back(std::move(node));
    }
    view->map = *std::move(map);
    std::string names;
    for (const RedisEndpoint& endpoint : view->map.nodes)
        names += ' ' + endpoint.text();
    {
        const std::lock_guard guard(mutex_);
        view_.set(view);
    }
    wake_.notify_all();
    tellFound(name);
    log::info(LogCategory::store, "{} is at{}", name, names);
    old.reset();
    forgetOthers(*view);
}

void RedisClient::forgetOthers(const View& view) {
    auto known = known_.lock();
    std::erase_if(*known, [&](const NodePointer& node) {
        return node.use_count() == 1 &&
               std::find(view.nodes.begin(), view.nodes.end(), node) == view.nodes.end();
    });
}

void RedisClient::tryUnavailable() {
    const auto view = view_.get();
    if (!view)
        return;
    for (const NodePointer& node : view->nodes) {
        if (node->nextTry() <= steady_clock::now()) {
            if (const auto answered = probe(*node))
                node->succeeded();
            else
                node->probeFailed(answered.error().message);
        }
        node->report();
    }
}

/// By writing under a key of its own: a server that answers, but takes nothing, is no use.
Result<void> RedisClient::probe(RedisNode& node) {
    const auto view = view_.get();
    const auto deadline = steady_clock::now() + settings_.timeout; // slower is no use
    const RedisScript& script = RedisScripts::get().probe;
    for (std::uint64_t number = 0; number < probeKeysTried; ++number) {
        // spread over all slots: a checksum of small numbers reaches half of them
        const std::string key =
            fmt::format("{}probe:{:016x}", settings_.prefix, number * 0x9E3779B97F4A7C15);
        if (view->nodes[view->map.nodeOf(key)].get() != &node)
            continue;
        auto lease = node.connect(deadline, RedisNode::Asking::probe);
        if (!lease)
            return tl::unexpected(lease.error());
        const auto answer = (*lease)->ask({"EVAL", script.text, "1", key}, deadline);
        if (!answer)
            return tl::unexpected(answer.error());
        return answer->value().integer() == 1 ? Result<void>() : fail(oddAnswer);
    }
    return fail("it has no slots");
}

} // namespace sluice
