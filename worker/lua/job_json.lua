-- A job as its owner sees it, as one JSON text: the answer needs no second look by anyone.

local most_devices

-- Of the live worker that has most; 0 without any.
local function devices_of_a_worker()
  if most_devices then return most_devices end
  local now_s = redis.call('TIME')[1]
  most_devices = 0
  for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', KEY.CLAIMERS_EXPIRE, '(' .. now_s, '+inf')) do
    local devices = tonumber(redis.call('HGET', KEY.CLAIMER_DEVICES, worker_id) or 1)
    most_devices = math.max(most_devices, devices)
  end
  return most_devices
end

local function queued_reason(job)
  local devices = devices_of_a_worker()
  if devices == 0 then return 'no_worker' end
  return tonumber(job.gpus or 1) > devices and 'no_matching_worker' or 'behind_other_jobs'
end

local function queue_json(job)
  if job.status ~= 'queued' then return '"queue_position":null,"queued_reason":null' end
  local position = redis.call('ZRANK', KEY.QUEUE, job.id) + 1
  return '"queue_position":' .. position .. ',"queued_reason":"' .. queued_reason(job) .. '"'
end

local function attempts_json(job)
  local joined = job.attempts
  if job.attempt then joined = appended(joined, attempt_json(job)) end
  return '[' .. (joined or '') .. ']'
end

local function job_json(job)
  return table.concat({
    '{"id":"', job.id, '","object":"job","status":"', job.status, '","phase":', word(job.phase),
    ',"name":"', job.name, '","spec":', job.spec, ',"warnings":', job.warnings,
    ',"created_by":', job.created_by, ',"created_at":"', job.created_at,
    '","started_at":', word(job.started_at), ',"finished_at":', word(job.finished_at),
    ',', queue_json(job), ',"progress":', job.progress or 'null', ',"metrics":', job.metrics or 'null',
    ',"best":', job.best or 'null', ',"attempts":', attempts_json(job),
    ',"transitions":[', job.transitions, '],"finish_reason":', word(job.finish_reason),
    ',"result":', job.result or 'null', ',"error":', job.error or 'null', ',"tags":', job.tags, '}',
  })
end
