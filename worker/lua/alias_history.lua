local name, alias = unpack(ARGV)
local reply = {'ok'}
for _, change in ipairs(redis.call('LRANGE', KEY.ALIAS_HISTORY .. name, 0, -1)) do
  if cjson.decode(change).alias == alias then reply[#reply + 1] = change end
end
if #reply == 1 then return {'alias_not_found', name, alias} end
return reply
