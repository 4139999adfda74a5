-- Counts the devices of the live workers that claim jobs.
-- include: redis_server/lua/time.lua

local most_devices

-- The number of devices of the live worker with the most devices; 0 when no worker is live. Counted once a script.
local function devices_of_largest_worker()
  if most_devices then return most_devices end
  local now_s = unix_time_s()
  most_devices = 0
  for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', KEY.CLAIMERS_EXPIRE, '(' .. now_s, '+inf')) do
    local devices = tonumber(redis.call('HGET', KEY.CLAIMER_DEVICES, worker_id) or 1)
    most_devices = math.max(most_devices, devices)
  end
  return most_devices
end
