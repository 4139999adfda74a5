-- Record a worker's heartbeat and drop expired workers. The server's clock decides, because no lease depends on it.
-- include: redis_server/lua/time.lua
local worker_id, now_s = args.worker_id, unix_time_s()

local function drop_expired(key)
  for _, expired in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now_s)) do
    redis.call('ZREM', key, expired)
    if key == KEY.WORKERS_EXPIRE then
      redis.call('HDEL', KEY.WORKERS, expired)
      redis.call('HDEL', KEY.CLAIMER_DEVICES, expired)
      redis.call('HDEL', KEY.WORKER_LANES, expired)
    end
  end
end

drop_expired(KEY.WORKERS_EXPIRE)
local serves = {}
for _, lane in ipairs(args.lanes) do serves[lane] = args.can_claim end
for lane, facts in pairs(LANES) do
  drop_expired(facts.claimers)
  local was_claimer = redis.call('ZSCORE', facts.claimers, worker_id)
  if serves[lane] then
    redis.call('ZADD', facts.claimers, now_s + args.expires_s, worker_id)
  else
    redis.call('ZREM', facts.claimers, worker_id)
  end
  if not was_claimer ~= not serves[lane] then redis.call('DEL', KEY.LARGEST .. lane) end
end
redis.call('HSET', KEY.WORKERS, worker_id, args.record)
redis.call('HSET', KEY.WORKER_LANES, worker_id, table.concat(args.lanes, ','))
redis.call('HSET', KEY.CLAIMER_DEVICES, worker_id, args.devices)
redis.call('ZADD', KEY.WORKERS_EXPIRE, now_s + args.expires_s, worker_id)
return {'ok'}
