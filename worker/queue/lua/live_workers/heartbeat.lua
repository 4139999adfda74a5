-- Record a worker's heartbeat and drop expired workers. The server's clock decides, because no lease depends on it.
local worker_id, expires_s, can_claim, record, devices = unpack(ARGV)
local now_s = tonumber(redis.call('TIME')[1])
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
if can_claim == '' then
  redis.call('ZREM', KEY.CLAIMERS_EXPIRE, worker_id)
else
  redis.call('ZADD', KEY.CLAIMERS_EXPIRE, now_s + expires_s, worker_id)
end
return {'ok'}
