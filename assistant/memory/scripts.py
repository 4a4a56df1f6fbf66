"""The steps of `redis.RedisMemory`, each one script, so that instances cannot meet in the middle of one.

    chat_history:{thread}         hash: format, origin, user, messages and, unless a turn has it, body (JSON); expires
    chat_sessions:{user}          sorted set: threads by their last use, microseconds by the clock of Redis
    chat_turns:{thread}:{user}    sorted set: versions of the turns at the thread, by when each is taken for dead

A session goes once the Redis that wrote it is not the one that is asked: it was started again from what it had saved,
or a replica took its place (`origin` is the id of its replication, which both make anew). Either may have missed what
came last, and so would give a turn what was true before the last one.

A mark among the turns, which outlives none of them, says that none may leave a session. What does not look like this
under our keys counts as absent, is replaced, and is reported by the 1 that an answer begins with. Keys that a script
finds in a sorted set are not declared to Redis: this needs one server or a replicated one, not a cluster.
"""

FORMAT = 2
"""Of the hash and its body. Instances of two versions that share a Redis do not read each other's sessions."""

KEYS = ("chat_history:", "chat_sessions:", "chat_turns:")

_COMMON = """
local history, index, turns = KEYS[1], KEYS[2], KEYS[3]
local format, user, thread, version, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local SPOILED, MAX_TURN, LIMIT = 'spoiled', tonumber(ARGV[6]), tonumber(ARGV[7])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local origin = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
local garbage = 0

local function kind(key)
    return redis.call('TYPE', key).ok
end

if kind('chat_turns:') ~= 'string' and kind('chat_turns:') ~= 'none' then
    redis.call('DEL', 'chat_turns:')
end
-- Changes nothing. A full Redis refuses only the first write of a script, if it is one that can grow (script.c of 7.0,
-- scriptVerifyOOM): after a DEL, it would take all that follows.
redis.call('SETRANGE', 'chat_turns:', 0, '')

for _, key in ipairs({index, turns}) do
    if kind(key) ~= 'zset' and kind(key) ~= 'none' then
        redis.call('DEL', key)
        garbage = 1
    end
end

-- The owner and the number of messages of a session; nil without one.
local function read(key)
    if kind(key) == 'none' then return end
    if kind(key) == 'hash' then
        local found = redis.call('HMGET', key, 'format', 'user', 'messages', 'origin')
        if found[1] == format and found[2] and tonumber(found[3]) then
            if found[4] ~= origin then
                redis.call('DEL', key)
                return
            end
            if key ~= history or found[2] == user then return found[2], tonumber(found[3]) end
        end
    end
    if key == history then garbage = 1 end
end

local function remove(id)
    if read('chat_history:' .. id) == user then redis.call('DEL', 'chat_history:' .. id) end
    redis.call('ZREM', index, id)
end

-- Strictly after all others, also when the clock of Redis was set back.
local function touch()
    local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', index, math.max(now, (tonumber(last) or 0) + 1), thread)
    redis.call('PEXPIRE', index, ttl)
    redis.call('PEXPIRE', history, ttl)
end

local function open()
    local running = redis.call('ZCARD', turns)
    if redis.call('ZSCORE', turns, SPOILED) then running = running - 1 end
    return running
end

local function hold()
    redis.call('ZADD', turns, now + MAX_TURN * 1000, version)
    redis.call('PEXPIRE', turns, MAX_TURN)
end

local function forget()
    remove(thread)
    if open() > 0 then redis.call('ZADD', turns, '+inf', SPOILED) end
end

redis.call('ZREMRANGEBYSCORE', turns, '-inf', now)
if open() == 0 then redis.call('DEL', turns) end
"""

TAKE = (
    _COMMON
    + """
local body = read(history) and redis.call('HGET', history, 'body')
if not body then remove(thread) end
if open() > 0 then redis.call('ZADD', turns, '+inf', SPOILED) end
hold()
if not body then return {garbage} end
redis.call('HDEL', history, 'body')
touch()
return {garbage, body}
"""
)

PUT = (
    _COMMON
    + """
local body, messages = ARGV[8], ARGV[9]
local known = redis.call('ZREM', turns, version) == 1
local alone = known and not redis.call('ZSCORE', turns, SPOILED)
if open() == 0 then redis.call('DEL', turns) end
local owner = read(history)
if not alone or messages == '' then
    forget()
    return {garbage}
end
if not owner then redis.call('DEL', history) end
redis.call('HSET', history, 'format', format, 'origin', origin, 'user', user, 'messages', messages, 'body', body)
touch()
local live = {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    if read('chat_history:' .. id) == user then
        live[#live + 1] = id
    else
        redis.call('ZREM', index, id)
    end
end
local answer = {garbage}
for place = 1, #live - LIMIT do
    remove(live[place])
    answer[#answer + 1] = live[place]
end
return answer
"""
)

SETTLE = _COMMON + "hold() forget() return {garbage}"
"""A turn that began unseen is known from now on, and leaves no session."""

LIST = (
    _COMMON
    + """
local answer = {garbage}
for _, id in ipairs(redis.call('ZREVRANGE', index, 0, -1)) do
    local owner, messages = read('chat_history:' .. id)
    if owner == user then
        answer[#answer + 1] = {id, messages, redis.call('PTTL', 'chat_history:' .. id)}
    else
        redis.call('ZREM', index, id)
    end
end
return answer
"""
)
