-- The live workers. The server's clock decides, because no lease depends on this list.
-- include: redis_server/lua/time.lua
local reply = {'ok'}
local now_s = unix_time_s()
for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', KEY.WORKERS_EXPIRE, '(' .. now_s, '+inf')) do
  reply[#reply + 1] = redis.call('HGET', KEY.WORKERS, worker_id)
end
return reply
