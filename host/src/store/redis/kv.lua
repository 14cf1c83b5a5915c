-- Writes to the keys of one plugin, which together have a cap.
--
-- KEYS: the value; who makes it (see lead.lua); the account: sizes by key, ends by key.
-- ARGV: what to do; the key's name in the account; caps of bytes and of entries; TTL (ms; "" for
--       none); and what is to be written: "set" VALUE, "swap" VALUE [EXPECTED], "add" NUMBER,
--       "delete".
-- Gives "ok", "other" (swap), "none" (delete), "full", "kind", "range", or the counter's value.
--
-- A value is "v" and its bytes; a counter is its digits, and so is no value.
local value, lead, sizes, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local what, name, cap, places, ttl = ARGV[1], ARGV[2], ARGV[3] + 0, ARGV[4] + 0, tonumber(ARGV[5])
local TOTAL = '' -- names in the account begin with "k"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function leave(entry)
    local size = tonumber(redis.call('HGET', sizes, entry))
    if size then
        redis.call('HDEL', sizes, entry)
        redis.call('HINCRBY', sizes, TOTAL, -size)
    end
    redis.call('ZREM', ends, entry)
end

-- Takes what has expired out of the account; whether there was anything.
local function expire()
    local gone = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 100)
    for _, entry in ipairs(gone) do
        leave(entry)
    end
    return #gone > 0
end

local function enter(size)
    local fits, mine
    repeat
        mine = tonumber(redis.call('HGET', sizes, name))
        local total = tonumber(redis.call('HGET', sizes, TOTAL)) or 0
        local grows = size - (mine or 0)
        -- The total has an entry as well.
        fits = (grows <= 0 or total + grows <= cap)
            and (mine or math.max(redis.call('HLEN', sizes) - 1, 0) < places)
    until fits or not expire()
    if fits then
        redis.call('HSET', sizes, name, size)
        redis.call('HINCRBY', sizes, TOTAL, size - (mine or 0))
    end
    return fits
end

local function lasts(milliseconds)
    redis.call('PEXPIRE', value, string.format('%.0f', milliseconds))
    redis.call('ZADD', ends, now + milliseconds, name)
end

local old = redis.call('GET', value)

local function set(new)
    if not enter(#name - 1 + #new) then
        return 'full'
    end
    redis.call('SET', value, 'v' .. new)
    redis.call('ZREM', ends, name)
    if ttl then
        lasts(ttl)
    end
    redis.call('DEL', lead)
    return 'ok'
end

local function add(by)
    if old and string.sub(old, 1, 1) == 'v' then
        return 'kind'
    end
    if not old then
        redis.call('ZREM', ends, name)
        if not enter(#name - 1 + 8) then
            return 'full'
        end
    end
    local sum = redis.pcall('INCRBY', value, by)
    if type(sum) == 'table' then
        return 'range'
    end
    -- As text: a number of Lua has 53 bits.
    sum = redis.call('GET', value)
    if not old and ttl then
        lasts(ttl)
    end
    redis.call('DEL', lead)
    return sum
end

if what == 'set' then
    return set(ARGV[6])
elseif what == 'swap' then
    local present = old
    if old and string.sub(old, 1, 1) == 'v' then
        present = string.sub(old, 2)
    end
    if present ~= (ARGV[7] or false) then
        return 'other'
    end
    return set(ARGV[6])
elseif what == 'add' then
    return add(ARGV[6])
end
redis.call('DEL', value, lead)
leave(name)
return old and 'ok' or 'none'
