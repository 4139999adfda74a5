-- All that a reaper needs, read in one step: for each lane its queued items and waiting wake-ups; then the lease of each
-- running attempt.
local reply = {'ok'}
for _, lane in ipairs(args.lanes) do
  reply[#reply + 1] = redis.call('ZCARD', LANES[lane].queue)
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
