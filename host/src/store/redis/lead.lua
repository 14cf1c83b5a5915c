-- Single flight among gateways.
--
-- KEYS: the value; who makes it.
-- ARGV: "claim" TOKEN LEASE (ms), or "leave" TOKEN.
-- Gives the value as it is kept, "yours" or "busy"; none of these begins alike.
if ARGV[1] == 'leave' then
    if redis.call('GET', KEYS[2]) == ARGV[2] then
        redis.call('DEL', KEYS[2])
    end
    return 'busy'
end
local value = redis.call('GET', KEYS[1])
if value then
    return value
end
return redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) and 'yours' or 'busy'
