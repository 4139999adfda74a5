-- A page of the models in one index, newest first.
-- include: registry/lua/shared/model_json.lua
local reply = {'ok'}
local from = args.after == '' and '+' or '(' .. args.after
for _, model_id in ipairs(redis.call('ZRANGE', args.index, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, args.limit)) do
  reply[#reply + 1] = model_json(args.project, model_id)
end
return reply
