-- Of each final status: the items of a kind with the oldest ids, if they ended before a time. Times compare as text.
local before, limit = args.before, args.limit
local reply = {'ok'}
for status in pairs(TERMINAL) do
  for _, item_id in ipairs(redis.call('ZRANGE', KINDS[args.kind].by_status .. status, 0, limit - 1)) do
    local finished_at = redis.call('HGET', KEY.ITEM .. item_id, 'finished_at')
    if finished_at and finished_at < before then reply[#reply + 1] = item_id end
  end
end
return reply
