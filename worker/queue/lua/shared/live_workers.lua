-- Counts the devices of the live workers that claim work of a lane.
-- include: redis_server/lua/time.lua
local COUNTED_FOR_MS = 1000

-- The number of devices of the lane's live worker with the most devices; 0 when no worker is live.
-- Counted at most once a second, because a thousand workers take a millisecond; a change of a worker's state counts at once.
local function devices_of_largest_worker(lane)
  local known = redis.call('GET', KEY.LARGEST .. lane)
  if known then return tonumber(known) end
  local most = 0
  for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', LANES[lane].claimers, '(' .. unix_time_s(), '+inf')) do
    most = math.max(most, tonumber(redis.call('HGET', KEY.CLAIMER_DEVICES, worker_id) or 1))
  end
  -- Reads need the answer too, also while Redis refuses writes.
  redis.pcall('SET', KEY.LARGEST .. lane, most, 'PX', COUNTED_FOR_MS)
  return most
end
