-- The live workers that claim work of a lane: their devices, and whether one is idle.
-- include: redis_server/lua/time.lua
local COUNTED_FOR_MS = 1000

local function live_claimers(lane)
  return redis.call('ZRANGEBYSCORE', LANES[lane].claimers, '(' .. unix_time_s(), '+inf')
end

-- The number of devices of the lane's live worker with the most devices; 0 when no worker is live.
-- Counted at most once a second, because a thousand workers take a millisecond; a change of a worker's state counts at once.
local function devices_of_largest_worker(lane)
  local known = redis.call('GET', KEY.LARGEST .. lane)
  if known then return tonumber(known) end
  local most = 0
  for _, worker_id in ipairs(live_claimers(lane)) do
    most = math.max(most, tonumber(redis.call('HGET', KEY.CLAIMER_DEVICES, worker_id) or 1))
  end
  -- Reads need the answer too, also while Redis refuses writes.
  redis.pcall('SET', KEY.LARGEST .. lane, most, 'PX', COUNTED_FOR_MS)
  return most
end

-- Whether a live worker of the lane with enough devices has nothing to do. The record of a worker is its heartbeat.
-- That there is none is found out at most once a second; the heartbeat of an idle worker counts at once.
local function has_idle_worker(lane, devices)
  local none_has = redis.call('GET', KEY.NONE_IDLE .. lane)
  if none_has and devices >= tonumber(none_has) then return false end
  for _, worker_id in ipairs(live_claimers(lane)) do
    local record = redis.call('HGET', KEY.WORKERS, worker_id)
    if record and record:find('"state":"idle"', 1, true)
      and tonumber(redis.call('HGET', KEY.CLAIMER_DEVICES, worker_id) or 1) >= devices then return true end
  end
  redis.pcall('SET', KEY.NONE_IDLE .. lane, devices, 'PX', COUNTED_FOR_MS)
  return false
end
