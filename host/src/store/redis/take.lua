-- Buckets, by the clock of this server.
--
-- KEYS: the buckets.
-- ARGV[1]: "take" takes the costs from all of them, or from none if one of them refuses;
--          "add" adds costs that were taken already, above the limits if need be;
--          "restore" gives back what this server may have lost: see `restore`.
-- ARGV[2]: names this life of the server, for "restore".
-- ARGV, six for each bucket: algorithm, "g" (GCRA) or "w" (window); window (us); the highest level;
--          cost; and what the caller knows without this cost: level, time to the window's end (us).
--          Levels are debts in us, or units used in the window.
-- Gives for each bucket: whether the cost fits; level; time to the window's end (us).
--
-- A bucket is "g LEVEL AT", what was owed at a time, or "w LEVEL BEGAN", what was used in the window
-- that began then; and, once it was restored, " BASE LIFE". Numbers are doubles, exact to 2^53.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- What doubles lose in a sum of a million parts must not cost the last one.
local ROUNDED = 1 + 1e-9

local function read(index)
    local at = 2 + 6 * (index - 1)
    local algorithm, window = ARGV[at + 1], tonumber(ARGV[at + 2])
    local seen, left = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    local kept = redis.call('GET', KEYS[index]) or ''
    local level, moment, base, life =
        string.match(kept, '^' .. algorithm .. ' (%S+) (%S+) ?(%S*) ?(%S*)$')
    return {
        algorithm = algorithm,
        window = window,
        max = tonumber(ARGV[at + 3]),
        cost = tonumber(ARGV[at + 4]),
        seen = seen,
        -- When the window began that the caller knows.
        seen_began = now + left - window,
        level = tonumber(level),
        moment = tonumber(moment),
        base = tonumber(base),
        life = life,
    }
end

-- Lets time pass. What is not here is as the caller knows it.
local function age(bucket)
    if not bucket.level and bucket.seen > 0 then
        bucket.level = bucket.seen
        bucket.moment = bucket.algorithm == 'g' and now or bucket.seen_began
    end
    if bucket.algorithm == 'g' then
        -- A clock that was set back gives nothing back.
        local back = math.max(now - (bucket.moment or now), 0)
        bucket.level = math.max((bucket.level or 0) - back, 0)
        bucket.base = bucket.base and math.max(bucket.base - back, 0)
        bucket.moment = now
        bucket.left = bucket.level
    else
        if not bucket.level or now >= bucket.moment + bucket.window then
            bucket.level, bucket.moment, bucket.base = 0, now, nil
        end
        bucket.left = bucket.moment + bucket.window - now
    end
end

-- After a loss each gateway tells what it had seen, before it tells what it took since. BASE is the
-- most that was told in this life: a gateway that had seen more adds the difference, and what was
-- taken since stays on top. Where nothing was lost, nothing is added.
local function restore(bucket)
    if not bucket.level or (bucket.algorithm == 'w' and now >= bucket.moment + bucket.window) then
        bucket.level, bucket.base, bucket.life = 0, 0, ARGV[2]
        bucket.moment = bucket.algorithm == 'g' and now or bucket.seen_began
    end
    age(bucket)
    if bucket.life ~= ARGV[2] then
        bucket.base, bucket.life = bucket.level, ARGV[2]
    end
    bucket.cost = math.max(bucket.seen - (bucket.base or 0), 0)
    bucket.base = math.max(bucket.seen, bucket.base or 0)
end

local function number(value)
    return string.format('%.17g', value)
end

local function write(index, bucket)
    local kept = { bucket.algorithm, number(bucket.level), number(bucket.moment) }
    if bucket.base then
        kept[4], kept[5] = number(bucket.base), bucket.life
    end
    local lives = bucket.algorithm == 'g' and bucket.level or bucket.left
    local milliseconds = string.format('%.0f', math.max(math.floor(lives / 1000), 0) + 1)
    redis.call('SET', KEYS[index], table.concat(kept, ' '), 'PX', milliseconds)
end

local buckets, all = {}, true
for index = 1, #KEYS do
    local bucket = read(index)
    if ARGV[1] == 'restore' then
        restore(bucket)
    else
        age(bucket)
    end
    bucket.fits = bucket.level + bucket.cost <= bucket.max * ROUNDED
    all = all and bucket.fits
    buckets[index] = bucket
end
local verdicts = {}
for index, bucket in ipairs(buckets) do
    if all or ARGV[1] ~= 'take' then
        bucket.level = bucket.level + bucket.cost
        write(index, bucket)
    end
    local left = string.format('%.0f', bucket.left)
    verdicts[index] = (bucket.fits and '1 ' or '0 ') .. number(bucket.level) .. ' ' .. left
end
return verdicts
