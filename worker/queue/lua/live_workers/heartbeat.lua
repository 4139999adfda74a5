-- Record a worker's heartbeat and drop expired workers. The server's clock decides, because no lease depends on it.
-- include: redis_server/lua/time.lua
local worker_id, expires_s, can_claim, record = args.worker_id, args.expires_s, args.can_claim, args.record
local devices = args.devices
local now_s = unix_time_s()
for _, key in ipairs({KEY.WORKERS_EXPIRE, KEY.CLAIMERS_EXPIRE}) do
  for _, expired in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now_s)) do
    redis.call('ZREM', key, expired)
    if key == KEY.WORKERS_EXPIRE then
      redis.call('HDEL', KEY.WORKERS, expired)
      redis.call('HDEL', KEY.CLAIMER_DEVICES, expired)
    end
  end
end
redis.call('HSET', KEY.WORKERS, worker_id, record)
redis.call('HSET', KEY.CLAIMER_DEVICES, worker_id, devices)
redis.call('ZADD', KEY.WORKERS_EXPIRE, now_s + expires_s, worker_id)
if not can_claim then
  redis.call('ZREM', KEY.CLAIMERS_EXPIRE, worker_id)
else
  redis.call('ZADD', KEY.CLAIMERS_EXPIRE, now_s + expires_s, worker_id)
end
return {'ok'}
