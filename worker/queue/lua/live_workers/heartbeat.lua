-- Record a worker's heartbeat and drop expired workers. The server's clock decides, because no lease depends on it.
-- include: redis_server/lua/time.lua
local worker_id, now_s = args.worker_id, unix_time_s()

for _, expired in ipairs(redis.call('ZRANGEBYSCORE', KEY.WORKERS_EXPIRE, '-inf', now_s)) do
  redis.call('ZREM', KEY.WORKERS_EXPIRE, expired)
  for _, facts in pairs(LANES) do redis.call('ZREM', facts.claimers, expired) end
  for _, key in ipairs({KEY.WORKERS, KEY.CLAIMER_DEVICES, KEY.WORKER_LANES}) do redis.call('HDEL', key, expired) end
end

local serves = {}
for _, lane in ipairs(args.lanes) do serves[lane] = args.can_claim end
for lane, facts in pairs(LANES) do
  local changes
  if serves[lane] then
    changes = redis.call('ZADD', facts.claimers, now_s + args.expires_s, worker_id)
  else
    changes = redis.call('ZREM', facts.claimers, worker_id)
  end
  if changes == 1 then redis.call('DEL', KEY.LARGEST .. lane) end
  if args.is_idle then redis.call('DEL', KEY.NONE_IDLE .. lane) end
end
redis.call('HSET', KEY.WORKERS, worker_id, args.record)
redis.call('HSET', KEY.WORKER_LANES, worker_id, table.concat(args.lanes, ','))
redis.call('HSET', KEY.CLAIMER_DEVICES, worker_id, args.devices)
redis.call('ZADD', KEY.WORKERS_EXPIRE, now_s + args.expires_s, worker_id)
return {'ok'}
