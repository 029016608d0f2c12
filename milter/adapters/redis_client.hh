// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/locked.hh"
#include "milter/adapters/redis_node.hh"
#include "milter/adapters/redis_scripts.hh"
#include "milter/adapters/redis_topology.hh"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// One thing to do under one key.
struct RedisCommand {
    /// Of a script, the words are its key and its arguments; else the command, its key second.
    const RedisScript* script = nullptr;
    std::vector<std::string> words;

    [[nodiscard]] const std::string& key() const { return words.at(script == nullptr ? 1 : 0); }
};

struct RedisNodeStatus {
    std::string address;
    bool available = false;
    /// While it is unavailable.
    std::optional<RedisNode::Trouble> trouble = {};
};

/// Asks the server, or those of the cluster, that the keys belong to. A thread of its own finds out
/// who that is, again when something went wrong, and tries servers that are unavailable; callers
/// never wait for either. Any thread.
class RedisClient {
public:
    /// Waits a moment for the servers, so that the first message finds them.
    explicit RedisClient(RedisSettings settings);
    ~RedisClient();
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;

    /// (An answer to a key of another type is an error value.) All answers, in the order of the
    /// commands, in one round trip for all (another one for what was redirected, or a script that
    /// the server does not know yet). Error: some command was not carried out; of others nobody
    /// knows. `deadline` bounds all of it.
    Result<std::vector<RedisReply>> run(const std::vector<RedisCommand>& commands,
                                        SteadyTime deadline,
                                        RedisNode::Asking asking = RedisNode::Asking::work);

    /// What answers for this key has answered something else.
    void distrust(const std::string& key);

    [[nodiscard]] std::vector<RedisNodeStatus> status() const;
    [[nodiscard]] const RedisSettings& settings() const { return settings_; }

private:
    using NodePointer = std::shared_ptr<RedisNode>;
    struct View {
        RedisMap map;
        std::vector<NodePointer> nodes; ///< as those of the map
    };
    struct Task; ///< a command, on its way

    Result<void> runOnce(std::vector<Task>& tasks, SteadyTime deadline, RedisNode::Asking asking);
    Result<void> settle(Task& task, RedisReply reply);
    NodePointer nodeAt(const RedisEndpoint& endpoint);

    void keepHouse();
    void discover();
    void tellFound(const std::string& name);
    void complain(const std::string& why);
    void forgetOthers(const View& view);
    bool discoveryDue(SteadyTime::duration age);
    void tryUnavailable();
    Result<void> probe(RedisNode& node);
    void somethingIsWrong();

    const RedisSettings settings_;
    Snapshot<View> view_;
    Locked<std::vector<NodePointer>> known_; ///< every server that was ever named, to a limit
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool suspicious_ = false; ///< the map may be wrong
    // the housekeeper's own
    SteadyTime complained_;
    bool lost_ = false;
    std::thread housekeeper_;
};

} // namespace sluice
