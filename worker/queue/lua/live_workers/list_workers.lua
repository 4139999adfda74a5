-- The live workers, each with its lanes. The server's clock decides, because no lease depends on this list.
-- include: redis_server/lua/time.lua
local reply = {'ok'}
for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', KEY.WORKERS_EXPIRE, '(' .. unix_time_s(), '+inf')) do
  reply[#reply + 1] = redis.call('HGET', KEY.WORKERS, worker_id)
  reply[#reply + 1] = redis.call('HGET', KEY.WORKER_LANES, worker_id) or 'training'
end
return reply
