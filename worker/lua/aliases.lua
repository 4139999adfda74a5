local name = ARGV[1]
if redis.call('EXISTS', KEY.LAST_VERSIONS) == 0 or redis.call('HEXISTS', KEY.LAST_VERSIONS, name) == 0 then
  return {'model_not_found', name}
end
local reply = {'ok'}
for _, part in ipairs(redis.call('HGETALL', KEY.ALIASES .. name)) do reply[#reply + 1] = part end
return reply
