-- A page of the models in one index, newest first.
local index, limit, after = ARGV[1], ARGV[2], ARGV[3]
local reply = {'ok'}
local from = after == '' and '+' or '(' .. after
for _, model_id in ipairs(redis.call('ZRANGE', index, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)) do
  reply[#reply + 1] = model_json(model_id)
end
return reply
