-- A page of the history of an alias, the newest entry first: number and text of each. `after` is the number of the last
-- entry that the caller has.
-- include: redis_server/lua/project.lua
local PAGE = 100
local key = scoped(args.project, KEY.ALIAS_HISTORY) .. args.name
local reply = {'ok'}
local last = redis.call('LLEN', key)
if args.after then last = math.min(last, args.after - 1) end
while last > 0 and #reply <= 2 * args.limit do
  local first = math.max(last - PAGE + 1, 1)
  local texts = redis.call('LRANGE', key, first - 1, last - 1)
  for i = #texts, 1, -1 do
    if #reply <= 2 * args.limit and cjson.decode(texts[i]).alias == args.alias then
      reply[#reply + 1] = tostring(first + i - 1)
      reply[#reply + 1] = texts[i]
    end
  end
  last = first - 1
end
if #reply == 1 and not args.after then return {'alias_not_found', args.name, args.alias} end
return reply
