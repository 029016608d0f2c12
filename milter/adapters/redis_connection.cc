// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_connection.hh"

#include "common/text.hh"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#ifdef SLUICE_REDIS_TLS
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>

namespace sluice {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

#ifdef SLUICE_REDIS_TLS
/// Certificates are checked against those that the system trusts (SSL_CERT_FILE, SSL_CERT_DIR).
SSL_CTX* tlsContext() {
    static SSL_CTX* const context = [] {
        SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
        if (made != nullptr) {
            SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
            SSL_CTX_set_default_verify_paths(made);
        }
        return made;
    }();
    return context;
}

/// A certificate of somebody else is none.
bool expectName(SSL* tls, const RedisEndpoint& endpoint) {
    if (endpoint.host.empty() || endpoint.host == endpoint.address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), endpoint.address.c_str()) == 1;
    std::string name = endpoint.host; // RFC 6066 section 3; the macro for it has a cast of C
    return SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) ==
               1 &&
           SSL_set1_host(tls, name.c_str()) == 1;
}
#endif

/// While TLS shakes hands, it may wait for octets when it seems to write.
constexpr std::chrono::milliseconds handshakePause{1};

std::string errnoText(int number) {
    return std::generic_category().message(number);
}

timespec timespecOf(nanoseconds left) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    return {static_cast<time_t>(whole.count()), static_cast<long>((left - whole).count())};
}

/// More than any answer of ours has: an array takes memory before its elements come.
constexpr std::size_t maxElements = 65'536;
constexpr int maxDepth = 7; ///< of arrays in arrays
/// Of answers that are not taken yet.
constexpr std::size_t longestAnswers = 16UL * 1024 * 1024;

const redisReplyObjectFunctions& usualReplies() {
    static const redisReplyObjectFunctions functions = [] {
        redisReader* const reader = redisReaderCreate();
        const redisReplyObjectFunctions usual = *reader->fn;
        redisReaderFree(reader);
        return usual;
    }();
    return functions;
}

/// Null breaks the connection.
template<typename Count> // int, or size_t from hiredis 1.0 on
void* createBoundedArray(const redisReadTask* task, Count count) {
    int depth = 0;
    for (const redisReadTask* outer = task->parent; outer != nullptr; outer = outer->parent)
        ++depth;
    return count > static_cast<Count>(maxElements) || depth > maxDepth
               ? nullptr
               : usualReplies().createArray(task, count);
}

redisReplyObjectFunctions& boundedReplies() {
    static redisReplyObjectFunctions functions = [] {
        redisReplyObjectFunctions bounded = usualReplies();
        bounded.createArray = createBoundedArray;
        return bounded;
    }();
    return functions;
}

/// An old error of another connection of this thread would be taken for one of this.
void forgetErrors() {
#ifdef SLUICE_REDIS_TLS
    ERR_clear_error();
#endif
}

void sendAtOnce(int descriptor) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

} // namespace

void RedisConnection::Free::operator()(redisContext* context) const {
    redisFree(context);
}

RedisConnection::RedisConnection(redisContext* context) : context_(context) {
    context_->reader->fn = &boundedReplies();
}
RedisConnection::~RedisConnection() = default;

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(const RedisEndpoint& endpoint,
                                                               const RedisLogin& login,
                                                               unsigned database, bool tls,
                                                               SteadyTime deadline) {
    redisContext* const context =
        endpoint.path.empty() ? redisConnectNonBlock(endpoint.address.c_str(), endpoint.port)
                              : redisConnectUnixNonBlock(endpoint.path.c_str());
    if (context == nullptr)
        return fail("no memory for a connection");
    std::unique_ptr<RedisConnection> connection(new RedisConnection(context)); // its constructor is
                                                                               // private
    if (context->err != 0)
        return connection->broken("connect");
    if (auto connected = connection->finishConnecting(deadline); !connected)
        return tl::unexpected(connected.error());
    if (endpoint.path.empty())
        sendAtOnce(context->fd);
    connection->tls_ = tls;
    if (tls)
        if (auto secured = connection->secure(endpoint); !secured)
            return tl::unexpected(secured.error());
    if (auto loggedIn = connection->logIn(login, database, deadline); !loggedIn)
        return tl::unexpected(loggedIn.error());
    return connection;
}

Result<void> RedisConnection::finishConnecting(SteadyTime deadline) {
    if (auto ready = waitFor(POLLOUT, deadline); !ready)
        return ready;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error == 0)
        return {};
    broken_ = true;
    return fail("connect: " + errnoText(error));
}

Result<void> RedisConnection::secure([[maybe_unused]] const RedisEndpoint& endpoint) {
#ifdef SLUICE_REDIS_TLS
    SSL* const tls = tlsContext() == nullptr ? nullptr : SSL_new(tlsContext());
    if (tls != nullptr && expectName(tls, endpoint)) {
        ERR_clear_error();
        if (redisInitiateSSL(context_.get(), tls) == REDIS_OK)
            return {};
    }
    SSL_free(tls); // hiredis has not taken it
#endif
    return broken("TLS");
}

Result<void> RedisConnection::logIn(const RedisLogin& login, unsigned database,
                                    SteadyTime deadline) {
    std::size_t commands = 0;
    const std::string number = std::to_string(database);
    if (!login.password.empty()) {
        auto appended = login.user.empty() ? append({"AUTH", login.password})
                                           : append({"AUTH", login.user, login.password});
        if (!appended)
            return appended;
        ++commands;
    }
    if (database != 0) {
        if (auto appended = append({"SELECT", number}); !appended)
            return appended;
        ++commands;
    }
    if (commands == 0)
        return {};
    if (auto flushed = flush(deadline); !flushed)
        return flushed;
    const auto replies = receive(commands, deadline);
    if (!replies)
        return tl::unexpected(replies.error());
    for (const RedisReply& reply : *replies)
        if (const auto error = reply.value().error())
            return fail(escapeForDisplay(*error));
    return {};
}

Result<void> RedisConnection::append(const RedisWords& words) {
    constexpr std::size_t usualWords = 24;
    std::array<const char*, usualWords> shortTexts; // NOLINT(*-member-init): filled below
    std::array<std::size_t, usualWords> shortSizes; // NOLINT(*-member-init): the same
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    const bool fits = words.size() <= usualWords;
    if (!fits) {
        texts.resize(words.size());
        sizes.resize(words.size());
    }
    const char** const textOf = fits ? shortTexts.data() : texts.data();
    std::size_t* const sizeOf = fits ? shortSizes.data() : sizes.data();
    for (std::size_t i = 0; i < words.size(); ++i) {
        textOf[i] = words[i].data();
        sizeOf[i] = words[i].size();
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), textOf, sizeOf) !=
        REDIS_OK)
        return broken("command");
    ++awaited_;
    return {};
}

Result<void> RedisConnection::flush(SteadyTime deadline) {
    forgetErrors();
    for (;;) {
        int done = 0;
        if (broken_ || redisBufferWrite(context_.get(), &done) != REDIS_OK)
            return broken("write");
        if (done != 0)
            return {};
        const SteadyTime until =
            tls_ ? std::min(deadline, steady_clock::now() + handshakePause) : deadline;
        auto ready = waitFor(tls_ ? POLLIN : POLLOUT, until);
        if (!ready && steady_clock::now() >= deadline)
            return ready;
        if (tls_)
            broken_ = false; // a pause that ended is no time-out
    }
}

Result<std::vector<RedisReply>> RedisConnection::receive(std::size_t count, SteadyTime deadline) {
    std::vector<RedisReply> replies;
    replies.reserve(count);
    forgetErrors();
    while (replies.size() < count) {
        void* reply = nullptr;
        if (broken_ || redisGetReplyFromReader(context_.get(), &reply) != REDIS_OK)
            return broken("answer");
        if (reply != nullptr) {
            replies.emplace_back(static_cast<redisReply*>(reply));
            --awaited_;
            continue;
        }
        if (auto ready = waitFor(POLLIN, deadline); !ready)
            return tl::unexpected(ready.error());
        if (redisBufferRead(context_.get()) != REDIS_OK)
            return broken("read");
        if (context_->reader->len > longestAnswers) {
            broken_ = true;
            return fail("an answer is too long");
        }
    }
    return replies;
}

Result<RedisReply> RedisConnection::ask(const RedisWords& words, SteadyTime deadline) {
    if (auto appended = append(words); !appended)
        return tl::unexpected(appended.error());
    if (auto flushed = flush(deadline); !flushed)
        return tl::unexpected(flushed.error());
    auto replies = receive(1, deadline);
    if (!replies)
        return tl::unexpected(replies.error());
    if (const auto error = replies->front().value().error())
        return fail(escapeForDisplay(*error));
    return std::move(replies->front());
}

bool RedisConnection::settled() const {
    const bool readToEnd = context_->reader->pos == context_->reader->len;
    return !broken_ && awaited_ == 0 && context_->err == 0 && readToEnd;
}

bool RedisConnection::reusable() const {
    if (!settled())
        return false;
    pollfd watched{context_->fd, POLLIN | POLLRDHUP, 0};
    return ::poll(&watched, 1, 0) == 0;
}

/// Not by the time-outs of hiredis, which begin anew with each octet.
Result<void> RedisConnection::waitFor(short events, SteadyTime deadline) {
    for (;;) {
        // a server that never stops sending is not waited for either
        const auto left = std::chrono::duration_cast<nanoseconds>(deadline - steady_clock::now());
        if (left <= nanoseconds::zero()) {
            broken_ = true;
            return fail("no answer in time");
        }
        const timespec time = timespecOf(left);
        pollfd watched{context_->fd, events, 0};
        const int ready = ::ppoll(&watched, 1, &time, nullptr);
        if (ready > 0)
            return {};
        if (ready < 0 && errno == EINTR)
            continue;
        broken_ = true;
        return ready < 0 ? fail("poll: " + errnoText(errno)) : fail("no answer in time");
    }
}

tl::unexpected<Error> RedisConnection::broken(std::string_view doing) {
    broken_ = true;
    const std::string_view why = context_->err == 0 ? "not possible" : context_->errstr;
    return fail(fmt::format("{}: {}", doing, escapeForDisplay(why)));
}

} // namespace sluice
