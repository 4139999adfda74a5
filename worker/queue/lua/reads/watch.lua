-- All that a reaper needs, read in one step: for each lane its items that are due and its waiting wake-ups; then the lease
-- of each running attempt.
-- include: redis_server/lua/time.lua
local reply, now_s = {'ok'}, unix_time_s()
for _, lane in ipairs(args.lanes) do
  local later = redis.call('ZCOUNT', KEY.LATER .. lane, now_s + 1, '+inf')
  reply[#reply + 1] = redis.call('ZCARD', LANES[lane].queue) - later
  reply[#reply + 1] = redis.call('LLEN', LANES[lane].wake_ups)
end
for _, kind in pairs(KINDS) do
  for status in pairs(HELD) do
    for _, item_id in ipairs(redis.call('ZRANGE', kind.by_status .. status, 0, -1)) do
      local lease = redis.call('HMGET', KEY.ITEM .. item_id, 'attempt', 'renewals')
      if lease[1] then
        reply[#reply + 1] = item_id
        reply[#reply + 1] = lease[1]
        reply[#reply + 1] = lease[2]
        reply[#reply + 1] = kind.lane
      end
    end
  end
end
return reply
