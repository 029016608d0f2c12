// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/redis_scripts.hh"

#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

namespace sluice {
namespace {

std::string sha1Of(const std::string& text) {
    constexpr std::size_t octets = 20;
    std::array<unsigned char, octets> digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
    return fmt::format("{:02x}", fmt::join(digest, ""));
}

// How long ago a value was written is told by how much of its time is left, so that what RedisStore
// writes without a script is by the server's clock too.

// The link, and behind it the posts: 16 octets of list, 4 of end, 12 of state. Before them 4 octets
// of how old the link will be when the key ends, and 4 of how old it may become; the end of a post
// is an age of the link as well.
constexpr const char* rememberMessageLua = R"lua(
local key, link, life = KEYS[1], ARGV[1], tonumber(ARGV[2])
local out, age, left, lasts = {false, 0}, 0, 0, life
local posts, states, fresh = {}, {}, true
local known = redis.call('GET', key)
if known and #known >= 59 and (#known - 59) % 32 == 0 then
  local span, may = struct.unpack('>I4I4', known)
  left = redis.call('PTTL', key) / 1000
  age = math.max(math.floor(span - left), 0)
  if age < may then
    out = {string.sub(known, 9, 59), age}
    fresh = string.sub(known, 9, 16) ~= string.sub(link, 1, 8)
  end
  if not fresh then link, lasts = out[1], may end
  for at = 60, #known, 32 do
    local ends = struct.unpack('>I4', known, at + 16)
    if age < ends then
      local list = string.sub(known, at, at + 15)
      states[list] = string.sub(known, at + 20, at + 31)
      posts[#posts + 1] = {list, ends - age}
    end
  end
end
local changed = fresh
for i = 3, #ARGV, 2 do
  out[#out + 1] = states[ARGV[i]] or false
  if not states[ARGV[i]] then
    states[ARGV[i]] = ARGV[i + 1]
    posts[#posts + 1] = {ARGV[i], life}
    changed = true
  end
end
if changed then
  if fresh then age = 0 end
  left = math.max(math.ceil(left), life)
  local value = struct.pack('>I4I4', age + left, lasts) .. link
  for _, post in ipairs(posts) do
    value = value .. post[1] .. struct.pack('>I4', age + post[2]) .. states[post[1]]
  end
  redis.call('SET', key, value, 'EX', left)
end
return out
)lua";

// advance() of store_records.hh. Flags of a turn: 1 referring, 2 automatic, 4 reaction, 8 some
// message before it is automatic, 16 to a prompt answer (kept as 4); of an answer: 1 repeated, 2
// the other repeated, 4 some message before it is automatic, 8 the other is, 16 again.
constexpr const char* addTurnLua = R"lua(
local pause, prompt = 3600, 30
local key, author, message, templates = KEYS[1], ARGV[1], ARGV[2], ARGV[5]
local depth, flags, life = math.max(tonumber(ARGV[3]), 1), tonumber(ARGV[4]), tonumber(ARGV[6])
local zero8 = string.rep('\0', 8)
local own = string.sub(templates, 1, 8)
local function on(set, flag) return math.floor(set / flag) % 2 == 1 end
local function has(row, wanted, from)
  if wanted == zero8 then return false end
  for at = from * 8 + 1, #row, 8 do
    if string.sub(row, at, at + 7) == wanted then return true end
  end
  return false
end
local function number(flag, value) return flag and value or 0 end

local function keep(rows, turns, answer, seen)
  redis.call('SET', key, struct.pack('>I4', life) .. author .. string.char(flags % 4 + number(on(flags, 16), 4)) .. rows ..
    message .. struct.pack('>I2', turns) .. string.char(answer) .. seen, 'EX', life)
  return {turns, answer}
end
local function begin()
  local answer = number(has(templates, own, 1), 1) + number(on(flags, 8), 4)
  return keep(templates, depth, answer, string.rep('\0', 21))
end

local state = redis.call('GET', key)
if not state or #state ~= 73 then return begin() end
local age = math.max(math.floor(struct.unpack('>I4', state) - redis.call('PTTL', key) / 1000), 0)
local last, lastFlags = string.sub(state, 5, 12), string.byte(state, 13)
local rows, seen = string.sub(state, 14, 45), string.sub(state, 46, 73)
if message ~= string.rep('\0', 4) then
  for at = 1, #seen, 7 do
    if string.sub(seen, at, at + 3) == message then
      return {struct.unpack('>I2', string.sub(seen, at + 4, at + 5)), string.byte(seen, at + 6)}
    end
  end
end

local goesOn = last ~= zero8 and age <= pause
if goesOn and author ~= last then
  if on(flags, 1) or on(flags, 4) then goesOn = true
  elseif on(flags, 2) then goesOn = false
  elseif age > prompt then goesOn = not on(lastFlags, 1) and not on(lastFlags, 2) end
end

if not goesOn then return begin() end

local turns, answer = struct.unpack('>I2', string.sub(seen, 5, 6)), string.byte(seen, 7)
local repeated, other, otherAutomatic = on(answer, 1), on(answer, 2), on(answer, 8)
local chain = on(answer, 4) or on(lastFlags, 2) or on(flags, 8)
local again = author == last and on(lastFlags, 1) and on(flags, 1) and
  (on(lastFlags, 4) or on(flags, 16)) and has(rows, own, 0)
if author ~= last then
  other, otherAutomatic = repeated, on(lastFlags, 2)
  repeated = has(rows, own, 0) or has(templates, own, 1)
  turns = math.min(turns + 1, 65535)
end
turns = math.max(turns, depth)
if author ~= last or own ~= string.sub(rows, 1, 8) then rows = own .. string.sub(rows, 1, 24) end
answer = number(repeated, 1) + number(other, 2) + number(chain, 4) + number(otherAutomatic, 8) +
  number(again, 16)
return keep(rows, turns, answer, string.sub(seen, 1, 21))
)lua";

// Lifetime, copies, lost, constant intervals, interval. advance() of store_records.hh.
constexpr const char* addCopyLua = R"lua(
local key, life = KEYS[1], tonumber(ARGV[1])
local copies, lost, constant, interval, age = 0, 0, 0, 0, 0
local state = redis.call('GET', key)
if state and #state == 16 then
  local lasts
  lasts, copies, lost, constant, interval = struct.unpack('>I4I4I2I2I4', state)
  age = math.max(math.floor(lasts - redis.call('PTTL', key) / 1000), 0)
end
local before, out = copies, {0, 0, 0, 0}
copies = math.min(copies + 1, 4294967295)
if before > 0 then
  if constant > 0 and math.abs(age - interval) <= math.max(2, math.floor(interval / 10)) then
    constant = math.min(constant + 1, 65535)
  else
    constant, interval = 1, age
  end
  out = {before, lost, constant, interval}
end
redis.call('SET', key, struct.pack('>I4I4I2I2I4', life, copies, lost, constant, interval), 'EX', life)
return out
)lua";

constexpr const char* withdrawCopyLua = R"lua(
local state = redis.call('GET', KEYS[1])
if not state or #state ~= 16 then return 0 end
local life, copies, lost, constant, interval = struct.unpack('>I4I4I2I2I4', state)
if copies <= 1 then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], struct.pack('>I4I4I2I2I4', life, copies - 1, lost, constant, interval),
  'KEEPTTL')
return 1
)lua";

constexpr const char* noteLostAcknowledgementLua = R"lua(
local state = redis.call('GET', KEYS[1])
if not state or #state ~= 16 then return 0 end
local life, copies, lost, constant, interval = struct.unpack('>I4I4I2I2I4', state)
redis.call('SET', KEYS[1],
  struct.pack('>I4I4I2I2I4', life, copies, math.min(lost + 1, 65535), constant, interval), 'KEEPTTL')
return 1
)lua";

// The version of a book: when it has changed, and how often. Stands before the
// scripts that change it.
constexpr const char* versionLua = R"lua(
local function nextVersion(book)
  local changes = string.match(redis.call('HGET', book, 'v') or '', '/(%d+)$')
  local time = redis.call('TIME')
  return time[1] .. '.' .. time[2] .. '/' .. (changes or 0) % 1000000 + 1
end
)lua";

// A book is a hash. An entry: count, first, last, until, length, ends (4 octets each), companion
// (16), label. Field v is its version. A full book loses what ends first, a tenth of it
// at once, so that a flood of entries does not make each of them search the book. Stands before the
// scripts that change entries.
constexpr const char* bookLua = R"lua(
local book, field = KEYS[1], ARGV[1]
local now = tonumber(redis.call('TIME')[1])
local function changed(ends)
  redis.call('HSET', book, 'v', nextVersion(book))
  if redis.call('TTL', book) < ends - now then redis.call('EXPIRE', book, ends - now) end
end
local function purge()
  local all, left = redis.call('HGETALL', book), {}
  for i = 1, #all, 2 do
    if #all[i] == 16 and #all[i + 1] >= 40 then
      local ends = struct.unpack('>I4', string.sub(all[i + 1], 13, 16))
      if ends <= now then redis.call('HDEL', book, all[i])
      else left[#left + 1] = {ends, all[i]} end
    end
  end
  return left
end
local function isNewToFull(most)
  return redis.call('HEXISTS', book, field) == 0 and redis.call('HLEN', book) > most
end
local function makeRoom(most)
  if not isNewToFull(most) then return end
  local left = purge()
  table.sort(left, function(a, b) return a[1] < b[1] end)
  for i = 1, #left - math.floor(most * 9 / 10) do redis.call('HDEL', book, left[i][2]) end
end
local function entry()
  local old = redis.call('HGET', book, field)
  if old and #old >= 40 then
    local count, first, last, ends, length, over = struct.unpack('>I4I4I4I4I4I4', old)
    if now < ends then return count, first, length, over, string.sub(old, 41) end
  end
  return 0, now, 0, 0, ''
end
)lua";

constexpr const char* countEntryLua = R"lua(
local label, companion, life = ARGV[2], ARGV[3], tonumber(ARGV[4])
makeRoom(tonumber(ARGV[5]))
local count, first = entry()
redis.call('HSET', book, field, struct.pack('>I4I4I4I4I4I4', math.min(count + 1, 4294967295), first,
  now, now + life, 0, 0) .. companion .. label)
changed(now + life)
return 1
)lua";

constexpr const char* putEntryLua = R"lua(
local label, life, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if isNewToFull(most) and #purge() >= most then return 0 end
local count, first = entry()
redis.call('HSET', book, field, struct.pack('>I4I4I4I4I4I4', count + 1, first, now, now + life, 0,
  0) .. string.rep('\0', 16) .. label)
changed(now + life)
return 1
)lua";

constexpr const char* blockLua = R"lua(
local label, shortest, longest, window = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local count, first, length, over, known = entry()
if now < over then return {over - now, length, known} end
makeRoom(tonumber(ARGV[6]))
length = count == 0 and shortest or math.min(2 * length, longest)
over = now + length
local ends = over + math.max(length, window)
redis.call('HSET', book, field, struct.pack('>I4I4I4I4I4I4', math.min(count + 1, 4294967295), first,
  now, ends, length, over) .. string.rep('\0', 16) .. label)
changed(ends)
return {length, length, label}
)lua";

constexpr const char* listEntriesLua = R"lua(
local now, version = redis.call('TIME')[1], redis.call('HGET', KEYS[1], 'v') or ''
if version == ARGV[1] then return {now, version} end
local out = redis.call('HGETALL', KEYS[1])
table.insert(out, 1, version)
table.insert(out, 1, now)
return out
)lua";

constexpr const char* forgetEntriesLua = R"lua(
local book, out = KEYS[1], {}
local function forget(field, value)
  out[#out + 1] = field
  out[#out + 1] = string.sub(value, 25, 40)
  redis.call('HDEL', book, field)
end
if ARGV[1] then
  local value = redis.call('HGET', book, ARGV[1])
  if value then forget(ARGV[1], value) end
else
  local all = redis.call('HGETALL', book)
  for i = 1, #all, 2 do
    if #all[i] == 16 then forget(all[i], all[i + 1]) end
  end
end
if #out > 0 then
  redis.call('HSET', book, 'v', nextVersion(book))
  if redis.call('TTL', book) < 60 then redis.call('EXPIRE', book, 60) end
end
return out
)lua";

// The newest slice and the counts of 13 slices, of which 12 make the window.
constexpr const char* countInWindowLua = R"lua(
local key, window = KEYS[1], tonumber(ARGV[1])
local now = tonumber(redis.call('TIME')[1])
local width, kept = window / 12, 13
local newest, counts = 0, {}
for i = 1, kept do counts[i] = 0 end
local state = redis.call('GET', key)
if state and #state == 56 then
  newest = struct.unpack('>I4', state)
  for i = 1, kept do counts[i] = struct.unpack('>I4', state, 4 * i + 1) end
end
local slice = math.max(math.floor(now / width), newest)
for empty = math.max(newest + 1, slice - kept + 1), slice do counts[empty % kept + 1] = 0 end
counts[slice % kept + 1] = math.min(counts[slice % kept + 1] + 1, 300000000)
local text, sum = struct.pack('>I4', slice), 0
for i = 1, kept do
  text = text .. struct.pack('>I4', counts[i])
  sum = sum + counts[i]
end
redis.call('SET', key, text, 'EX', 2 * window)
return sum
)lua";

constexpr const char* countLoopLua = R"lua(
local key, loop, window, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
local all, count, known = redis.call('HGETALL', key), 0, false
for i = 1, #all, 2 do
  if now - tonumber(all[i + 1]) >= window then redis.call('HDEL', key, all[i])
  else
    count = count + 1
    known = known or all[i] == loop
  end
end
if known or count < most then
  redis.call('HSET', key, loop, now)
  count = known and count or count + 1
end
redis.call('EXPIRE', key, window)
return count
)lua";

// The slice of time and the count of each of 33 slices at most, of which 32 make the window, as in
// harvest_memory.cc. Another server takes over with a clock of its own: by what is far in its
// future nothing is measured.
constexpr const char* countUnknownLua = R"lua(
local key, window, kept = KEYS[1], tonumber(ARGV[1]), 33
local time = redis.call('TIME')
local slice = math.floor((time[1] * 1000000 + time[2]) / math.ceil(window * 1000 / 32))
local state = redis.call('GET', key)
if not state or #state % 12 ~= 0 then state = '' end
if #state > 0 then
  local newest = struct.unpack('>I8', state, #state - 11)
  if newest > slice and newest - slice < kept then slice = newest end
end
local rows, sum, here = '', 0, 0
for at = 1, #state, 12 do
  local before, count = struct.unpack('>I8I4', state, at)
  if before == slice then here = count
  elseif before < slice and slice - before < kept then
    rows = rows .. string.sub(state, at, at + 11)
    sum = sum + count
  end
end
here = math.min(here + 1, 4294967295)
redis.call('SET', key, rows .. struct.pack('>I8I4', slice, here), 'PX', math.ceil(window * kept / 32) + 1)
return sum + here
)lua";

constexpr const char* findMemberLua = R"lua(
local found = redis.call('SISMEMBER', KEYS[1], ARGV[1])
if found == 0 and redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
return found
)lua";

constexpr const char* probeLua = R"lua(
redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', 60, 'NX', 'GET')
return 1
)lua";

} // namespace

RedisScript::RedisScript(std::string lua) : text(std::move(lua)), sha1(sha1Of(text)) {}

const RedisScripts& RedisScripts::get() {
    static const RedisScripts scripts{
        .rememberMessage = RedisScript(rememberMessageLua),
        .addTurn = RedisScript(addTurnLua),
        .addCopy = RedisScript(addCopyLua),
        .withdrawCopy = RedisScript(withdrawCopyLua),
        .noteLostAcknowledgement = RedisScript(noteLostAcknowledgementLua),
        .countEntry = RedisScript(std::string(versionLua) + bookLua + countEntryLua),
        .block = RedisScript(std::string(versionLua) + bookLua + blockLua),
        .putEntry = RedisScript(std::string(versionLua) + bookLua + putEntryLua),
        .listEntries = RedisScript(listEntriesLua),
        .forgetEntries = RedisScript(std::string(versionLua) + forgetEntriesLua),
        .countInWindow = RedisScript(countInWindowLua),
        .countLoop = RedisScript(countLoopLua),
        .countUnknown = RedisScript(countUnknownLua),
        .findMember = RedisScript(findMemberLua),
        .probe = RedisScript(probeLua),
    };
    return scripts;
}

} // namespace sluice
