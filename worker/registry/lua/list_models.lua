-- A page of the models in one index, newest first.
-- include: registry/lua/shared/model_json.lua
local index, limit, after = args.index, args.limit, args.after
local reply = {'ok'}
local from = after == '' and '+' or '(' .. after
for _, model_id in ipairs(redis.call('ZRANGE', index, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)) do
  reply[#reply + 1] = model_json(model_id)
end
return reply
