-- The server's clock judges nothing but its own marks here; no lease hangs on it.
local worker_id, believed_s, can_claim, record, devices = unpack(ARGV)
local now_s = tonumber(redis.call('TIME')[1])
for _, key in ipairs({KEY.WORKERS_EXPIRE, KEY.CLAIMERS_EXPIRE}) do
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now_s)) do
    redis.call('ZREM', key, gone)
    if key == KEY.WORKERS_EXPIRE then
      redis.call('HDEL', KEY.WORKERS, gone)
      redis.call('HDEL', KEY.CLAIMER_DEVICES, gone)
    end
  end
end
redis.call('HSET', KEY.WORKERS, worker_id, record)
redis.call('HSET', KEY.CLAIMER_DEVICES, worker_id, devices)
redis.call('ZADD', KEY.WORKERS_EXPIRE, now_s + believed_s, worker_id)
if can_claim == '' then
  redis.call('ZREM', KEY.CLAIMERS_EXPIRE, worker_id)
else
  redis.call('ZADD', KEY.CLAIMERS_EXPIRE, now_s + believed_s, worker_id)
end
return {'ok'}
